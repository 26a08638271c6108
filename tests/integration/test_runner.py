"""The runner on the real server: born, crashed, fenced, diverged, restored."""

import asyncio
import random
from collections.abc import Sequence
from typing import override

import msgspec
import pytest
from nats.aio.client import Client

from shared.messages.base import Message
from shared.runtime.actor import Actor, Rank
from shared.runtime.feed import slice_facts
from shared.runtime.runner import Runner
from shared.runtime.snapshots import NoSnapshots, Snapshot, SnapshotStore, decode, encode
from shared.runtime.turns import AtOnce
from shared.subjects import Lane, lane, matches
from shared.tape.entry import Entry, Outgoing, answers, fact
from shared.tape.interface import Bounds, DivergenceError, NoVerdictError, Tape
from shared.tape.jetstream import JetStreamTape
from shared.tape.memory import MemoryTape
from shared.tape.publisher import LanePublisher
from shared.tape.retention import HistoryMissingError
from tests import toy
from tests.servers import NatsUnderTest
from tests.tapes import TAPE_ID, content, fresh_tape, hosted, instruments, whole

SLICES = 40


class CrashError(Exception):
    """The process dies here."""


class CrashingTape(JetStreamTape):
    """Dies now and then: before a message is sent, or after it arrived but before we know."""

    def __init__(self, tape: JetStreamTape, seed: int, odds: float) -> None:
        super().__init__(tape._client, tape.id)
        self._random = random.Random(seed)
        self._odds = odds

    @override
    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        fate = self._random.random()
        if fate < self._odds:
            raise CrashError
        seq = await super().append(out, lane=lane, fence=fence)
        if fate > 1 - self._odds:
            raise CrashError
        if fate > 1 - 2 * self._odds:
            raise NoVerdictError("the acknowledgement was lost")
        return seq


async def play(tape: Tape, count: int = SLICES) -> None:
    """Put all slices on the tape at once, as a feed far ahead of everybody."""
    publisher = LanePublisher(tape, toy.FEED, 0)
    for part in toy.slices(count):
        await publisher.publish_whole(slice_facts(tape.id, toy.FEED, part))


async def until(tape: Tape, actor: Actor, size: int) -> None:
    while True:
        mine = [e for e in await whole(tape) if e.lane == actor.core.lane]
        if len(mine) >= size:
            return
        await asyncio.sleep(0.05)


def expected(actor: Actor, entries: Sequence[Entry], tape_id: str) -> list[tuple[object, ...]]:
    """What a fresh core makes of the tape: the definition of right."""
    made: list[tuple[object, ...]] = []
    for entry in entries:
        if any(matches(pattern, entry.subject) for pattern in actor.core.reads):
            stamp, message = entry.open()
            said = answers(tape_id, actor.core.lane, stamp, actor.core.handle(stamp, message))
            made += [(out.subject, out.payload, out.cause, out.index, out.count) for out in said]
    return made


def recorded(actor: Actor, entries: Sequence[Entry]) -> list[tuple[object, ...]]:
    return [
        (e.subject, e.payload, e.cause, e.index, e.count)
        for e in entries
        if e.lane == actor.core.lane and not e.subject.endswith(".state")
    ]


class Eager(toy.ToyExecution):
    """Answers bars with several messages, without needing anybody else."""

    lane = Lane("strategy", "eager")  # what it says, only a strategy may
    reads: tuple[str, ...] = ("data.*.bar.>",)

    @override
    def answer(self, message: Message) -> tuple[Message, ...]:
        speaks = toy.ToyStrategy("any", 1)
        speaks.is_active, speaks.acc = True, self.acc
        return speaks.answer(message)


def eager() -> Actor:
    return toy.actor(Eager(), Rank.EXECUTION)


@pytest.mark.parametrize("seed", range(3))
def test_crashes_anywhere_lose_and_repeat_nothing(nats_server: NatsUnderTest, seed: int) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            await play(tape)
            size = 1 + len(expected(eager(), await whole(tape), tape.id))
            crashes = 0
            crashing = CrashingTape(tape, seed, odds=0.04)
            while True:
                try:
                    async with hosted(client, crashing, eager()) as runner:
                        async with asyncio.TaskGroup() as group:
                            running = group.create_task(runner.run())
                            await until(tape, eager(), size)
                            runner.stop()
                        assert running.done()
                    break
                except* CrashError:
                    crashes += 1
            entries = await whole(tape)
            assert crashes > 3
            assert recorded(eager(), entries) == expected(eager(), entries, tape.id)

    asyncio.run(scenario())


def test_code_that_answers_differently_stops_and_names_the_place(
    nats_server: NatsUnderTest,
) -> None:
    class Changed(Eager):
        @override
        def answer(self, message: Message) -> tuple[Message, ...]:
            said = super().answer(message)
            return () if self.handled == 7 else said

    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            await play(tape, 5)
            size = 1 + len(expected(eager(), await whole(tape), tape.id))
            async with hosted(client, tape, eager()) as runner, asyncio.TaskGroup() as group:
                group.create_task(runner.run())
                await until(tape, eager(), size)
                runner.stop()
            before = await whole(tape)
            async with hosted(client, tape, toy.actor(Changed(), Rank.EXECUTION)) as runner:
                with pytest.raises(DivergenceError, match=r"strategy\.eager diverges at \d+"):
                    await runner.run()
            assert await whole(tape) == before

    asyncio.run(scenario())


def test_a_lane_that_ends_with_a_smuggled_message_is_refused_by_name(
    nats_server: NatsUnderTest,
) -> None:
    """Readers pass over it, so a start that took it for its own end would wait for it for ever."""

    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            smuggled = toy.slices(1)[0].messages[0]
            out = fact(tape.id, eager().core.lane, smuggled, ts_ns=0, key="smuggled")
            await tape.tell(out, once_id="smuggled")
            async with hosted(client, tape, eager()) as runner, asyncio.timeout(5):
                with pytest.raises(DivergenceError, match="without a cause"):
                    await runner.run()

    asyncio.run(scenario())


def test_a_new_strategy_does_not_trade_history(nats_server: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            await play(tape, 20)
            strategy = toy.actor(toy.ToyStrategy("late", 1), Rank.STRATEGY)
            async with hosted(client, tape, strategy) as runner, asyncio.TaskGroup() as group:
                group.create_task(runner.run())
                await until(tape, strategy, 1)
                publisher = LanePublisher(tape, toy.FEED, 80)
                last = toy.slices(21)[-1]
                await publisher.publish_whole(slice_facts(tape.id, toy.FEED, last))
                await until(tape, strategy, 1 + 3)
                runner.stop()
            spoken = [e for e in await whole(tape) if ".signal." in e.subject]
            assert {e.cause for e in spoken} <= {83, 84, 85, 86}
            assert isinstance(strategy.core, toy.ToyStrategy)
            assert strategy.core.handled == 63 + 1, "history did not build its state"

    asyncio.run(scenario())


class KeptSnapshots:
    """A store in memory, holding the bytes as they would be stored."""

    def __init__(self) -> None:
        self.stored: list[bytes] = []

    async def newest(self, lane: Lane) -> list[Snapshot]:
        found = [decode(data) for data in reversed(self.stored)]
        return [s for s in found if s is not None and s.lane == str(lane)]

    def put_soon(self, snapshot: Snapshot) -> None:
        self.stored.append(encode(snapshot))

    async def put(self, snapshot: Snapshot) -> None:
        self.put_soon(snapshot)


@pytest.mark.parametrize("damage", ["none", "flipped", "foreign"])
def test_a_start_from_a_snapshot_is_a_start_from_the_beginning(
    nats_server: NatsUnderTest, damage: str
) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            store = KeptSnapshots()
            await play(tape, 10)
            await live_until(client, tape, store)
            assert len(store.stored) == 1
            if damage == "flipped":
                store.stored[0] = store.stored[0][:-3] + b"\x00" + store.stored[0][-2:]
            if damage == "foreign":
                found = decode(store.stored[0])
                assert found is not None
                store.stored[0] = encode(msgspec.structs.replace(found, tape_id="f" * 16))
            publisher = LanePublisher(tape, toy.FEED, 40)
            for part in toy.slices(12)[10:]:
                await publisher.publish_whole(slice_facts(tape.id, toy.FEED, part))
            core = await live_until(client, tape, store)
            entries = await whole(tape)
            assert recorded(eager(), entries) == expected(eager(), entries, tape.id)
            assert core.handled == 36

    async def live_until(client: Client, tape: JetStreamTape, store: KeptSnapshots) -> toy.Toy:
        actor = eager()
        size = 1 + len(expected(eager(), await whole(tape), tape.id))
        async with (
            hosted(client, tape, actor, snapshots=store) as runner,
            asyncio.TaskGroup() as group,
        ):
            group.create_task(runner.run())
            await until(tape, eager(), size)
            runner.stop()
        assert isinstance(actor.core, toy.Toy)
        return actor.core

    asyncio.run(scenario())


class Halting(Eager):
    """Speaks on every third bar; has its runner stop at a given message."""

    def __init__(self, stops_at: int = 0) -> None:
        super().__init__()
        self.stops_at = stops_at
        self.runner: Runner | None = None

    @override
    def answer(self, message: Message) -> tuple[Message, ...]:
        if self.handled == self.stops_at and self.runner is not None:
            self.runner.stop()
        return super().answer(message) if self.handled % 3 == 0 else ()


def test_a_snapshot_taken_while_recovering_repeats_nothing() -> None:
    """Whoever starts from it still finds the rest of its lane to be its own."""

    async def scenario() -> None:
        tape, store = MemoryTape(TAPE_ID), KeptSnapshots()

        async def run(core: Halting, keep: SnapshotStore, parts: int) -> None:
            actor = toy.actor(core, Rank.EXECUTION)
            core.runner = Runner(actor, tape, AtOnce(), instruments(actor), keep)
            publisher = LanePublisher(tape, toy.FEED, tape.lane_end(toy.FEED))
            async with asyncio.TaskGroup() as group:
                group.create_task(core.runner.run())
                for number, part in enumerate(toy.slices(parts), start=1):
                    await publisher.publish_whole(slice_facts(tape.id, toy.FEED, part))
                    await until(tape, actor, 1 + number)

        await run(Halting(stops_at=30), NoSnapshots(), 10)
        before = await whole(tape)
        await run(Halting(stops_at=13), store, 0)  # in the middle of its recovery
        assert len(store.stored) == 1
        await run(Halting(stops_at=30), store, 0)
        assert content(await whole(tape)) == content(before)

    asyncio.run(scenario())


class Trimmed(MemoryTape):
    """What stood before its tenth message was trimmed."""

    @override
    async def bounds(self) -> Bounds:
        return Bounds(1, self.last_seq, trimmed_before=10)


def test_half_a_history_is_refused_unless_a_strategy_is_new() -> None:
    async def scenario() -> None:
        tape = Trimmed(TAPE_ID)
        for number, part in enumerate(toy.slices(5)):
            await tape.append_batch(
                slice_facts(tape.id, toy.FEED, part), lane=toy.FEED, fence=4 * number
            )
        risk = toy.actor(toy.ToyRisk(), Rank.RISK)
        runner = Runner(risk, tape, AtOnce(), instruments(risk), NoSnapshots())
        with pytest.raises(HistoryMissingError, match="trimmed up to 10: start the release"):
            await runner.run()
        assert tape.last_seq == 20, "nothing may be said before that is known"
        new = toy.actor(toy.ToyStrategy("new", 1), Rank.STRATEGY)
        runner = Runner(new, tape, AtOnce(), instruments(new), NoSnapshots())
        async with asyncio.TaskGroup() as group:
            group.create_task(runner.run())
            await until(tape, new, 1)
            await asyncio.sleep(0.05)
            runner.stop()
        assert isinstance(new.core, toy.ToyStrategy)
        seen = 8 + 1  # the bars from the tenth message on, and its own opening
        assert new.core.handled == seen

    asyncio.run(scenario())


class Never(AtOnce):
    """Turns that nobody gets."""

    granted = -1

    def __init__(self) -> None:
        self.over = asyncio.Event()

    @override
    async def wait_for(self, cause: int, head: int) -> None:
        if cause:  # it may be born
            await self.over.wait()


def test_who_may_not_speak_handles_no_more_than_it_can_hold(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("shared.runtime.runner.PENDING_MAX", 5)

    async def scenario() -> None:
        tape, core, turns = MemoryTape(TAPE_ID), toy.ToyExecution(), Never()
        speaker = lane("risk", "main")
        actor = toy.actor(core, Rank.EXECUTION)
        runner = Runner(actor, tape, turns, instruments(actor), NoSnapshots())
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            running = group.create_task(runner.run())
            while not tape.last_seq:
                await asyncio.sleep(0.001)
            for seq in range(20):
                out = fact(TAPE_ID, speaker, toy.approval(seq), ts_ns=1, key=str(seq))
                tape.put(out, lane=speaker, fence=tape.lane_end(speaker))
            while core.handled < 5:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            assert core.handled == 5
            turns.granted = 10**9
            turns.over.set()
            while core.handled < 20:
                await asyncio.sleep(0.001)
            running.cancel()

    asyncio.run(scenario())
