"""The sink: batches, back-pressure, and nothing lost when it is interrupted."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine

import pytest

from services.ledger.adapters.postgres import PostgresSink
from services.ledger.adapters.records import Batch, genesis
from services.ledger.config import WriterSettings
from shared.domain.errors import UnavailableError
from tests.unit.services.ledger.story import TAPE_ID, Story, ending_at

QUICK = WriterSettings(batch_events_max=3, flush_ms=5, trail_ms=0, queue_events_max=6)


class FakeWriter:
    """Keeps batches in memory; `gate` closed is a database that does not answer."""

    where = "tapedeck@nowhere"

    def __init__(self, at_seq: int = 0) -> None:
        self.batches: list[Batch] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.closed = 0
        self._at_seq = at_seq

    async def open(self, tape_end: Callable[[], Awaitable[int]]) -> tuple[int, bytes]:
        return self._at_seq, genesis(TAPE_ID)

    async def store(self, batch: Batch) -> None:
        await self.gate.wait()
        self.batches.append(batch)

    async def close(self) -> None:
        self.closed += 1

    @property
    def stored(self) -> list[object]:
        return [record[0] for batch in self.batches for record in batch.events]


async def opened(
    writer: FakeWriter, story: Story, settings: WriterSettings = QUICK
) -> PostgresSink:
    sink = PostgresSink(writer, settings, story.core.take_rows)  # type: ignore[arg-type]
    await sink.open(ending_at(10**6))
    return sink


def a_story(length: int) -> Story:
    story = Story()
    for _ in range(length):
        story.bar("AAPL", 10.0)
    return story


async def hand_over(sink: PostgresSink, story: Story) -> None:
    for entry in story.entries:
        await sink.handled(*entry.open(), entry.payload)


def run(scenario: Callable[[], Coroutine[None, None, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 20))


def test_flush_stores_everything_in_order_and_in_batches() -> None:
    async def scenario() -> None:
        writer, story = FakeWriter(), a_story(5)
        sink = await opened(writer, story)
        await hand_over(sink, story)
        await sink.flush()
        assert writer.stored == [1, 2, 3, 4, 5]
        assert [len(batch.events) for batch in writer.batches] == [3, 2]
        assert [(b.old_seq, b.seq) for b in writer.batches] == [(0, 3), (3, 5)]
        assert await sink.position() == 5
        assert writer.closed == 1

    run(scenario)


def test_what_is_already_stored_is_skipped() -> None:
    async def scenario() -> None:
        writer, story = FakeWriter(at_seq=3), a_story(5)
        sink = await opened(writer, story)
        assert await sink.position() == 3
        await hand_over(sink, story)
        await sink.flush()
        assert writer.stored == [4, 5]

    run(scenario)


def test_rows_of_messages_already_stored_are_dropped() -> None:
    async def scenario() -> None:
        story = Story()
        story.approve()
        story.deny()
        writer = FakeWriter(at_seq=1)
        sink = await opened(writer, story)
        await hand_over(sink, story)
        await sink.flush()
        (record,) = writer.batches[0].copies["decisions"]
        assert record[1] == 2

    run(scenario)


def test_the_background_task_stores_without_a_flush() -> None:
    async def scenario() -> None:
        writer, story = FakeWriter(), a_story(2)
        sink = await opened(writer, story)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(sink.run())
            await hand_over(sink, story)
            while await sink.position() < 2:
                await asyncio.sleep(0.001)
            task.cancel()
        assert writer.stored == [1, 2]

    run(scenario)


def test_a_full_queue_makes_the_reader_wait() -> None:
    async def scenario() -> None:
        writer, story = FakeWriter(), a_story(7)
        sink = await opened(writer, story)
        writer.gate.clear()
        async with asyncio.TaskGroup() as group:
            handing = group.create_task(hand_over(sink, story))
            await asyncio.sleep(0.05)
            assert not handing.done()
            writer.gate.set()
        await sink.flush()
        assert writer.stored == [1, 2, 3, 4, 5, 6, 7]

    run(scenario)


def test_cancelled_half_way_the_same_batch_is_stored_by_the_next() -> None:
    async def scenario() -> None:
        writer, story = FakeWriter(), a_story(5)
        sink = await opened(writer, story)
        writer.gate.clear()
        async with asyncio.TaskGroup() as group:
            task = group.create_task(sink.run())
            for entry in story.entries[:2]:
                await sink.handled(*entry.open(), entry.payload)
            await asyncio.sleep(0.05)
            task.cancel()
        for entry in story.entries[2:]:
            await sink.handled(*entry.open(), entry.payload)
        writer.gate.set()
        await sink.flush()
        assert [len(batch.events) for batch in writer.batches] == [2, 3]
        assert writer.stored == [1, 2, 3, 4, 5]

    run(scenario)


def test_a_flush_that_takes_too_long_says_so_and_loses_nothing() -> None:
    async def scenario() -> None:
        writer, story = FakeWriter(), a_story(2)
        sink = await opened(writer, story, QUICK.model_copy(update={"flush_timeout_s": 0.05}))
        await hand_over(sink, story)
        writer.gate.clear()
        with pytest.raises(UnavailableError, match="did not take 2 events"):
            await sink.flush()
        writer.gate.set()
        await sink.flush()
        assert writer.stored == [1, 2]

    run(scenario)


def test_nothing_is_stored_before_the_tape_must_have_it_on_disk() -> None:
    async def scenario() -> None:
        writer, story = FakeWriter(), a_story(1)
        sink = await opened(writer, story, QUICK.model_copy(update={"trail_ms": 50.0}))
        started_s = asyncio.get_running_loop().time()
        await hand_over(sink, story)
        await sink.flush()
        assert asyncio.get_running_loop().time() - started_s >= 0.049

    run(scenario)


class FollowedWriter(FakeWriter):
    """Another ledger has stored everything by the time that this one looks."""

    async def cursor(self) -> tuple[int, bytes]:
        return 7, genesis(TAPE_ID)


def test_what_the_other_ledger_stores_while_the_queue_is_full_is_not_stored_again() -> None:
    async def scenario() -> None:
        writer, story = FollowedWriter(), a_story(7)
        sink = PostgresSink(writer, QUICK, story.core.take_rows, 9.0)  # type: ignore[arg-type]
        await sink.open(ending_at(10**6))
        await hand_over(sink, story)
        await sink.flush()
        assert await sink.position() == 7
        assert not sink._taken

    run(scenario)
