"""What every tape promises; the same suite for the one in memory and the one on JetStream."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from shared.domain.values import Timeframe
from shared.messages.control import Kill
from shared.messages.market import Bar
from shared.subjects import lane
from shared.tape.entry import Outgoing, fact
from shared.tape.interface import (
    BATCH_MAX,
    PAYLOAD_BYTES_MAX,
    FenceLostError,
    PayloadTooLargeError,
    Tape,
)
from shared.tape.memory import MemoryTape
from shared.tape.publisher import LanePublisher
from tests.servers import NatsUnderTest
from tests.tapes import TAPE_ID, content, fresh_tape, whole

type MakeTape = Callable[[], AbstractAsyncContextManager[Tape]]

FEED = lane("data", "file")
OTHER = lane("data", "sim")


@pytest.fixture(params=["memory", "jetstream"])
def make_tape(request: pytest.FixtureRequest) -> MakeTape:
    if request.param == "memory":

        @asynccontextmanager
        async def in_memory() -> AsyncIterator[Tape]:
            yield MemoryTape(TAPE_ID)

        return in_memory
    server: NatsUnderTest = request.getfixturevalue("nats_server")

    @asynccontextmanager
    async def on_server() -> AsyncIterator[Tape]:
        async with fresh_tape(server) as (_, tape):
            yield tape

    return on_server


def bar(number: int, symbol: str = "AAPL", at: object = FEED) -> Outgoing:
    message = Bar(
        symbol=symbol,
        timeframe=Timeframe.M1,
        start_ns=number,
        open=1.0,
        high=1.0,
        low=1.0,
        close=1.0,
        volume=float(number),
    )
    speaker = at if isinstance(at, type(FEED)) else FEED
    return fact(TAPE_ID, speaker, message, ts_ns=number, key=f"{symbol}/{number}")


def test_a_fresh_tape_is_empty_and_has_an_id(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            assert tape.id == TAPE_ID
            assert (await tape.bounds()).last == 0
            assert await tape.get(1) is None
            assert await tape.last("data.>") is None

    asyncio.run(check())


def test_what_is_appended_is_read_back_in_order(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            outs = [bar(number) for number in range(1, 31)]
            fence = 0
            for out in outs:
                fence = await tape.append(out, lane=FEED, fence=fence)
            found = await whole(tape)
            assert [(e.subject, e.payload) for e in found] == [(o.subject, o.payload) for o in outs]
            assert [e.seq for e in found] == list(range(1, 31))
            assert content([e for e in [await tape.get(7)] if e]) == content([found[6]])
            assert content([e for e in [await tape.last(FEED.fence)] if e]) == content([found[-1]])

    asyncio.run(check())


def test_a_stale_fence_is_refused_and_nothing_is_written(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            end = await tape.append(bar(1), lane=FEED, fence=0)
            with pytest.raises(FenceLostError):
                await tape.append(bar(2), lane=FEED, fence=0)
            with pytest.raises(FenceLostError):
                await tape.append_batch([bar(2), bar(3)], lane=FEED, fence=end + 5)
            assert (await tape.bounds()).last == end

    asyncio.run(check())


def test_a_fence_covers_its_whole_lane_and_no_other(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            first = await tape.append(bar(1, "AAPL"), lane=FEED, fence=0)
            await tape.append(bar(1, "AAPL", OTHER), lane=OTHER, fence=0)
            with pytest.raises(FenceLostError):
                await tape.append(bar(1, "MSFT"), lane=FEED, fence=0)
            assert await tape.append(bar(1, "MSFT"), lane=FEED, fence=first) == 3

    asyncio.run(check())


def test_a_batch_stands_together_or_not_at_all(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            outs = [bar(number) for number in range(1, BATCH_MAX + 1)]
            assert await tape.append_batch(outs, lane=FEED, fence=0) == BATCH_MAX
            assert [e.payload for e in await whole(tape)] == [o.payload for o in outs]
            for wrong in ([], [*outs, bar(0)]):
                with pytest.raises(ValueError, match="a batch holds"):
                    await tape.append_batch(wrong, lane=FEED, fence=BATCH_MAX)

    asyncio.run(check())


def test_a_run_stands_adjacent_and_in_order(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            outs = [bar(number) for number in range(1, 301)]
            assert await tape.append_run(outs[:1], lane=FEED, fence=0) == 1
            assert await tape.append_run(outs[1:], lane=FEED, fence=1) == 300
            assert [e.payload for e in await whole(tape)] == [o.payload for o in outs]
            with pytest.raises(FenceLostError):
                await tape.append_run([bar(301), bar(302)], lane=FEED, fence=299)
            assert (await tape.bounds()).last == 300

    asyncio.run(check())


def test_a_run_never_lands_behind_a_stranger(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            mine, stranger = LanePublisher(tape, FEED, 0), LanePublisher(tape, FEED, 0)
            await stranger.publish([bar(77)])  # takes the sequence that a run would predict
            with pytest.raises(FenceLostError):
                await mine.publish_run([bar(1), bar(2), bar(3)])
            assert [e.payload for e in await whole(tape)] == [bar(77).payload]

    asyncio.run(check())


def test_a_run_among_other_speakers_is_completed(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            mine, other = LanePublisher(tape, FEED, 0), LanePublisher(tape, OTHER, 0)
            wanted = [bar(number) for number in range(1, 201)]
            noise = [bar(number, "MSFT", OTHER) for number in range(1, 101)]
            async with asyncio.TaskGroup() as group:
                group.create_task(mine.publish_run(wanted))
                for out in noise:
                    await other.publish([out])
            found = await whole(tape)
            assert [e.payload for e in found if e.lane == FEED] == [o.payload for o in wanted]
            assert [e.payload for e in found if e.lane == OTHER] == [o.payload for o in noise]

    asyncio.run(check())


def test_a_command_is_recorded_once_per_id(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            operator = lane("control", "console")
            kill = fact(TAPE_ID, operator, Kill(reason="test"), ts_ns=1, key="k")
            first = await tape.tell(kill, once_id="k")
            assert await tape.tell(kill, once_id="k") == first
            assert await tape.tell(kill, once_id="other") == first + 1
            entry = await tape.get(first)
            assert entry is not None
            assert not entry.fenced

    asyncio.run(check())


def test_too_large_a_message_is_refused_before_it_is_sent(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            operator = lane("control", "console")
            reason = "x" * PAYLOAD_BYTES_MAX
            huge = fact(TAPE_ID, operator, Kill(reason=reason), ts_ns=1, key="k")
            with pytest.raises(PayloadTooLargeError, match=r"control\.console\.kill"):
                await tape.tell(huge, once_id="k")
            with pytest.raises(PayloadTooLargeError):
                await tape.append_batch([bar(1), huge], lane=FEED, fence=0)
            assert (await tape.bounds()).last == 0

    asyncio.run(check())


def test_a_reader_sees_only_what_its_filters_cover(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            feed, other = LanePublisher(tape, FEED, 0), LanePublisher(tape, OTHER, 0)
            for number in range(1, 6):
                await feed.publish([bar(number, "BRK.B")])
                await other.publish([bar(number, "MSFT", OTHER)])
            async with tape.reader(["data.*.bar.1m.BRK%2EB"], 4) as reader:
                seen = [await reader.next(2) for _ in range(3)]
                assert [e.seq for e in seen if e] == [5, 7, 9]
                assert await reader.next(0.05) is None
                assert reader.is_idle

    asyncio.run(check())


def test_a_waiting_reader_gets_what_comes_later(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape, tape.reader(["data.>"], 1) as reader:
            async with asyncio.TaskGroup() as group:
                waiting = group.create_task(reader.next(5))
                await asyncio.sleep(0.05)
                await LanePublisher(tape, FEED, 0).publish([bar(1)])
            entry = waiting.result()
            assert entry is not None
            assert entry.seq == 1

    asyncio.run(check())


def test_a_reader_far_behind_loses_nothing(make_tape: MakeTape) -> None:
    async def check() -> None:
        async with make_tape() as tape:
            publisher = LanePublisher(tape, FEED, 0)
            async with tape.reader(["data.>"], 1) as reader:
                await publisher.publish_whole([bar(number) for number in range(5_000)])
                seen: list[int] = []
                while len(seen) < 5_000:
                    entry = await reader.next(5)
                    assert entry is not None
                    seen.append(entry.seq)
            assert seen == list(range(1, 5_001))

    asyncio.run(check())
