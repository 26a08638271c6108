"""The tape in a file and back, checked and trimmed, on real servers."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace
from nats.aio.client import Client

from shared.domain.errors import UnavailableError
from shared.subjects import Lane
from shared.tape.administration import set_metadata, stream_info
from shared.tape.archive import ArchiveTape
from shared.tape.archive_format import ArchiveError
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import Bounds, FenceLostError
from shared.tape.jetstream import STREAM, JetStreamTape, init_tape
from shared.tape.marks import RECORDED, marks_of
from shared.tape.restore import PLACEHOLDER, ImportRefusedError, restore
from shared.tape.retention import (
    HistoryMissingError,
    keep_market_data,
    plan_cuts,
    refuse_half_history,
    trim,
)
from tests.servers import NatsUnderTest
from tests.tapes import connected, fresh_tape
from tests.unit.shared.tape.archives import TAPE_ID, archive, messages

FEED = Lane("data", "file")
RISK = Lane("risk", "main")
WAIT_S = 10.0


def out(subject: str, cause: int = 0, payload: bytes = b"{}") -> Outgoing:
    return Outgoing(subject, payload, cause, 0, 1)


async def no_tape(client: Client) -> None:
    await client.request(f"$JS.API.STREAM.DELETE.{STREAM}", b"")


@asynccontextmanager
async def empty_server(server: NatsUnderTest) -> AsyncIterator[Client]:
    """A connection to a server without a tape."""
    async with connected(server) as client:
        await no_tape(client)
        yield client


async def read(tape: JetStreamTape, count: int) -> list[Entry]:
    found: list[Entry] = []
    async with tape.reader([">"], 1) as reader:
        while len(found) < count:
            entry = await reader.next(WAIT_S)
            assert entry is not None, f"the reader stopped after {len(found)} of {count}"
            found.append(entry)
    return found


def ignore(_: int) -> None:
    """Nobody watches the progress."""


def test_an_archive_comes_back_as_it_was_with_its_gaps(
    clean_nats: NatsUnderTest, tmp_path: Path
) -> None:
    # Lanes that only a cause may speak on are fenced here; holes of one and of many.
    entries = [replace(e, fenced=True) for e in messages(3_000, gap_every=13) if e.seq > 40]
    entries = [e for e in entries if not 1_000 <= e.seq < 1_900]

    async def scenario() -> None:
        async with empty_server(clean_nats) as client:
            done = await restore(client, ArchiveTape.open(archive(tmp_path / "a", entries)), ignore)
            assert (done.first_seq, done.last_seq, done.messages) == (41, 3_000, len(entries))
            tape = await JetStreamTape.open(client)
            assert await tape.bounds() == Bounds(41, 3_000, trimmed_before=41)
            assert await read(tape, len(entries)) == entries
            assert await tape.get(1_500) is None
            assert await tape.get(entries[-1].seq) == entries[-1]
            assert await tape.last(PLACEHOLDER) is None

    asyncio.run(scenario())


def test_an_imported_tape_goes_on(clean_nats: NatsUnderTest, tmp_path: Path) -> None:
    entries = [replace(e, fenced=True) for e in messages(50)]
    last = {e.lane: e.seq for e in entries}

    async def scenario() -> None:
        async with empty_server(clean_nats) as client:
            await restore(client, ArchiveTape.open(archive(tmp_path / "a", entries)), ignore)
            tape = await JetStreamTape.open(client)
            bar = out("data.file.clock")
            assert await tape.append(bar, lane=FEED, fence=last[FEED]) == 51
            with pytest.raises(FenceLostError):
                await tape.append(bar, lane=FEED, fence=last[FEED])
            # Only what was imported may say itself when it was recorded.
            forged = {RECORDED: "1", "Tape-Cause": "1"}
            await client.request("risk.main.approved.X", b"{}", headers=forged)
            one, two = (await read(tape, 52))[50:]
            assert one.recorded_ns > entries[-1].recorded_ns
            assert two.recorded_ns > one.recorded_ns
            assert (await tape.get(51), await tape.get(52)) == (one, two)

    asyncio.run(scenario())


def test_an_interrupted_import_is_closed_to_everybody_and_goes_on_where_it_ended(
    clean_nats: NatsUnderTest, tmp_path: Path
) -> None:
    entries = [replace(e, fenced=True) for e in messages(4_500, gap_every=100)]
    path = archive(tmp_path / "a", entries)

    def pull_the_plug(done: int) -> None:
        if done >= 1_500:
            raise KeyboardInterrupt

    async def scenario() -> None:
        async with empty_server(clean_nats) as client:
            with pytest.raises(KeyboardInterrupt):
                await restore(client, ArchiveTape.open(path), pull_the_plug)
            for attempt in (JetStreamTape.open(client), init_tape(client)):
                with pytest.raises(UnavailableError, match=r"import of tape \w+ was not finished"):
                    await attempt
            other = archive(tmp_path / "b", entries[10:])
            with pytest.raises(ImportRefusedError, match="half of another import"):
                await restore(client, ArchiveTape.open(other), ignore)
            done = await restore(client, ArchiveTape.open(path), ignore)
            assert done.continued_at == 1_500
            assert await read(await JetStreamTape.open(client), len(entries)) == entries

    asyncio.run(scenario())


def test_a_damaged_archive_stops_the_import_and_a_whole_one_completes_it(
    clean_nats: NatsUnderTest, tmp_path: Path
) -> None:
    entries = [replace(e, fenced=True) for e in messages(5_000)]
    path = archive(tmp_path / "a", entries)
    damaged = tmp_path / "damaged"
    data = bytearray(path.read_bytes())
    data[ArchiveTape.open(path).end.chunks[1].offset + 200] ^= 1
    damaged.write_bytes(data)

    async def scenario() -> None:
        async with empty_server(clean_nats) as client:
            with pytest.raises(ArchiveError, match="chunk 2 of 3"):
                await restore(client, ArchiveTape.open(damaged), ignore)
            assert (await restore(client, ArchiveTape.open(path), ignore)).continued_at == 2_000
            assert len(await read(await JetStreamTape.open(client), 5_000)) == 5_000

    asyncio.run(scenario())


def test_a_tape_that_somebody_has_written_on_is_not_imported_over(
    clean_nats: NatsUnderTest, tmp_path: Path
) -> None:
    path = archive(tmp_path / "a", messages(20))

    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (client, tape):
            await tape.append(out("data.file.clock"), lane=FEED, fence=0)
            with pytest.raises(ImportRefusedError, match="import into an empty state folder"):
                await restore(client, ArchiveTape.open(path), ignore)
            assert (await tape.bounds()).last == 1

    asyncio.run(scenario())


def test_a_tape_that_was_only_made_gives_way(clean_nats: NatsUnderTest, tmp_path: Path) -> None:
    path = archive(tmp_path / "a", messages(20))

    async def scenario() -> None:
        async with empty_server(clean_nats) as client:
            await init_tape(client, "ffffffffffffffff")
            await restore(client, ArchiveTape.open(path), ignore)
            assert (await JetStreamTape.open(client)).id == TAPE_ID

    asyncio.run(scenario())


def test_an_archive_of_nothing_is_not_imported(clean_nats: NatsUnderTest, tmp_path: Path) -> None:
    path = archive(tmp_path / "a", [])

    async def scenario() -> None:
        async with empty_server(clean_nats) as client:
            with pytest.raises(ImportRefusedError, match="holds no message"):
                await restore(client, ArchiveTape.open(path), ignore)

    asyncio.run(scenario())


def test_market_data_expires_and_the_fence_stays(clean_nats: NatsUnderTest) -> None:
    one_second = 1 / 86_400

    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (client, _):
            await keep_market_data(client, one_second)
            tape = await JetStreamTape.open(client)
            head = await tape.append_batch(
                [out("data.file.bar.1m.A"), out("data.file.bar.1m.B"), out("data.file.clock")],
                lane=FEED,
                fence=0,
            )
            await tape.append(out("risk.main.approved.A", cause=1), lane=RISK, fence=0)
            async with asyncio.timeout(WAIT_S):
                while await tape.get(1) is not None or await tape.get(2) is not None:
                    await asyncio.sleep(0.05)
            assert [entry.seq for entry in await read(tape, 2)] == [3, 4]
            assert await tape.append(out("data.file.clock"), lane=FEED, fence=head) == 5
            bounds = await tape.bounds()
            assert bounds.kept_days == pytest.approx(one_second, 1e-3)
            # A limit that is lifted is remembered: what was published under it expires anyway.
            await keep_market_data(client, None)
            info = await stream_info(client)
            assert info is not None
            assert (marks_of(info.metadata).kept_days, bounds.kept_days) == (0, bounds.kept_days)

    asyncio.run(scenario())


def test_trimming_leaves_what_the_tape_rests_on(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (client, tape):
            head = 0
            head = await tape.append(out("risk.main.state"), lane=RISK, fence=head)  # 1
            await tape.tell(out("control.console.kill"), once_id="k")  # 2
            feed = 0
            for _ in range(5):  # 3-12
                feed = await tape.append(out("data.file.bar.1m.A"), lane=FEED, fence=feed)
                feed = await tape.append(out("data.file.clock"), lane=FEED, fence=feed)
            for cause in (3, 5, 7):  # 13-15
                answer = out("risk.main.approved.A", cause=cause)
                head = await tape.append(answer, lane=RISK, fence=head)
            quiet = Lane("risk", "other")
            await tape.append(out("risk.other.halted", cause=9), lane=quiet, fence=0)  # 16
            await tape.append(out("data.file.clock"), lane=FEED, fence=feed)  # 17
            info = await stream_info(client, with_subjects=True)
            assert info is not None
            assert sum(info.state.subjects.values()) == 17
            ends = {FEED: 17, RISK: 15, quiet: 16, Lane("control", "console"): 2}
            cuts = plan_cuts(info.state.subjects, 18, ends)
            assert await trim(client, info, cuts, 18) == 12
            left = [(e.seq, e.subject) for e in await read(tape, 5)]
            assert left == [
                (1, "risk.main.state"),
                (2, "control.console.kill"),
                (15, "risk.main.approved.A"),
                (16, "risk.other.halted"),
                (17, "data.file.clock"),
            ]
            assert await tape.bounds() == Bounds(1, 17, trimmed_before=18)
            assert await tape.append(out("data.file.clock"), lane=FEED, fence=17) == 18

    asyncio.run(scenario())


def test_half_a_history_is_refused(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (client, tape):
            for fence in range(5):
                await tape.append(out("data.file.clock"), lane=FEED, fence=fence)
            entry = await tape.get(5)
            assert entry is not None
            now_ns = entry.recorded_ns
            await refuse_half_history(tape, RISK, 1, now_ns=now_ns)
            info = await stream_info(client)
            assert info is not None
            await trim(client, info, plan_cuts(["data.file.clock"], 4, {FEED: 5}), 4)
            await refuse_half_history(tape, RISK, 4, now_ns=now_ns)
            with pytest.raises(HistoryMissingError, match="it was trimmed up to 4: start the"):
                await refuse_half_history(tape, RISK, 3, now_ns=now_ns)
            await keep_market_data(client, 2.0)
            await refuse_half_history(tape, RISK, 4, now_ns=now_ns + 10**9)
            later_ns = now_ns + 3 * 86_400 * 10**9
            with pytest.raises(HistoryMissingError, match="kept for 2 days only"):
                await refuse_half_history(tape, RISK, 4, now_ns=later_ns)
            await refuse_half_history(tape, RISK, 6, now_ns=later_ns)

    asyncio.run(scenario())


def test_metadata_changes_nothing_else(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (client, _):
            before = await stream_info(client)
            assert before is not None
            await set_metadata(client, before, before.metadata | {"a": "b"})
            after = await stream_info(client)
            assert after is not None
            assert after.metadata["a"] == "b"
            assert before.config | {"metadata": {}} == after.config | {"metadata": {}}

    asyncio.run(scenario())
