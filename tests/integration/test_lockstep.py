"""A distributed run in lockstep writes the tape that one process writes, message for message."""

import asyncio
from collections.abc import Sequence
from typing import override

import pytest

from shared.runtime.actor import Actor
from shared.runtime.drain import Drain
from shared.runtime.runner import Runner
from shared.subjects import Lane
from shared.tape.entry import Outgoing
from shared.tape.jetstream import JetStreamTape
from shared.tape.memory import MemoryTape
from tests import toy
from tests.servers import NatsUnderTest
from tests.tapes import TAPE_ID, connected, content, fresh_tape, hosted, player, whole

SLICES = 60


def in_one_process() -> list[tuple[object, ...]]:
    tape = MemoryTape(TAPE_ID)
    drain = Drain(toy.desk(), tape.id, tape)
    drain.be_born()
    for part in toy.slices(SLICES):
        drain.play(toy.FEED, part)
    return content([tape.entry(seq) for seq in range(1, tape.last_seq + 1)])


async def distributed(server: NatsUnderTest) -> list[tuple[object, ...]]:
    actors = toy.desk()
    async with fresh_tape(server) as (client, tape), asyncio.TaskGroup() as group:
        runners: list[Runner] = []

        async def run(actor: Actor) -> None:
            async with connected(server) as own, hosted(own, tape, actor, lockstep=True) as runner:
                runners.append(runner)
                await runner.run()

        for actor in reversed(actors):  # the order in which they come must not matter
            group.create_task(run(actor))
        await player(client, tape, toy.slices(SLICES), actors).run()
        for runner in runners:
            runner.stop()
        return content(await whole(tape))


@pytest.mark.parametrize("attempt", range(3))
def test_lockstep_equals_the_drain_message_by_message(
    nats_server: NatsUnderTest, attempt: int
) -> None:
    one = in_one_process()
    answered = {cause for _, subject, _, cause, *_ in one if ".signal." in str(subject)}
    signals = [entry for entry in one if ".signal." in str(entry[1])]
    assert len(signals) > len(answered) > 0, "no bar was answered by two strategies"

    assert asyncio.run(distributed(nats_server)) == one


class CutTape(JetStreamTape):
    """Dies in the middle of the fifth slice."""

    slices = 0

    @override
    async def append_run(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        self.slices += 1
        if self.slices == 5:
            await super().append_run(outs[:2], lane=lane, fence=fence)
            raise CrashError
        return await super().append_run(outs, lane=lane, fence=fence)


class CrashError(Exception):
    """The feed dies here."""


def test_a_slice_cut_by_a_crash_is_whole_before_anybody_answers(nats_server: NatsUnderTest) -> None:
    async def scenario() -> list[tuple[object, ...]]:
        actors = toy.desk()
        async with fresh_tape(nats_server) as (client, tape), asyncio.TaskGroup() as group:
            runners: list[Runner] = []

            async def run(actor: Actor) -> None:
                async with hosted(client, tape, actor, lockstep=True) as runner:
                    runners.append(runner)
                    await runner.run()

            for actor in actors:
                group.create_task(run(actor))
            with pytest.raises(CrashError):
                await player(client, CutTape(client, tape.id), toy.slices(SLICES), actors).run()
            await player(client, tape, toy.slices(SLICES), actors).run()
            for runner in runners:
                runner.stop()
            return content(await whole(tape))

    assert asyncio.run(scenario()) == in_one_process()


def test_who_is_told_to_stop_does_not_wait_for_its_turn(nats_server: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            async with (
                hosted(client, tape, toy.desk()[0], lockstep=True) as runner,
                asyncio.timeout(5),
                asyncio.TaskGroup() as group,
            ):
                group.create_task(runner.run())  # its birth waits for a conductor
                await asyncio.sleep(0.1)
                runner.stop()
            assert (await tape.bounds()).last == 0

    asyncio.run(scenario())


def test_a_participant_that_never_comes_is_named(
    nats_server: NatsUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.conductor.GATHER_S", 0.3)

    async def alone() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            await player(client, tape, toy.slices(1), toy.desk()).run()

    with pytest.raises(Exception, match=r"lockstep: execution\.main, risk\.main, .* did not come"):
        asyncio.run(alone())
