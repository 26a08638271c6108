"""A distributed run in lockstep writes the tape that one process writes, message for message."""

import asyncio

import pytest

from shared.runtime.actor import Actor
from shared.runtime.drain import Drain
from shared.runtime.runner import Runner
from shared.tape.memory import MemoryTape
from tests import toy
from tests.servers import NatsUnderTest
from tests.tapes import TAPE_ID, connected, content, fresh_tape, hosted, player, whole

SLICES = 60


def in_one_process() -> list[tuple[object, ...]]:
    tape = MemoryTape(TAPE_ID)
    drain = Drain(toy.desk(), tape)
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


def test_a_participant_that_never_comes_is_named(
    nats_server: NatsUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.runtime.conductor.GATHER_S", 0.3)

    async def alone() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            await player(client, tape, toy.slices(1), toy.desk()).run()

    with pytest.raises(Exception, match=r"lockstep: execution\.main, risk\.main, .* did not come"):
        asyncio.run(alone())
