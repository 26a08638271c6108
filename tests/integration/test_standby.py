"""Two instances of one actor on the real server: one leads, the other is ready to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import override

from shared.messages.base import Message
from shared.permissions import ADMIN
from shared.runtime.actor import Actor, Rank
from shared.runtime.feed import slice_facts
from shared.runtime.runner import Runner
from shared.subjects import Lane
from shared.tape.client import connect
from shared.tape.entry import Entry, Outgoing, fact
from shared.tape.interface import DivergenceError
from shared.tape.jetstream import JetStreamTape
from shared.tape.publisher import LanePublisher
from tests import toy
from tests.cable import cable_to
from tests.integration.test_runner import Eager, eager, expected, recorded
from tests.servers import NatsUnderTest
from tests.tapes import fresh_tape, hosted, whole

SLICES = 30
T_S = 0.1


class Hanging(JetStreamTape):
    """A tape whose appends can be stopped and let go, as a process by SIGSTOP and SIGCONT."""

    def __init__(self, tape: JetStreamTape) -> None:
        super().__init__(tape._client, tape.id)
        self.goes = asyncio.Event()
        self.goes.set()
        self.appended = 0

    @override
    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        await self.goes.wait()
        self.appended += not out.subject.endswith(".state")
        return await super().append(out, lane=lane, fence=fence)


class Market:
    """Plays the toys' bars, one slice after another."""

    def __init__(self, tape: JetStreamTape) -> None:
        self._tape = tape
        self._publisher = LanePublisher(tape, toy.FEED, 0)
        self._parts = iter(toy.slices(SLICES))

    async def play(self, count: int) -> None:
        for _ in range(count):
            part = next(self._parts)
            await self._publisher.publish_whole(slice_facts(self._tape.id, toy.FEED, part))


@asynccontextmanager
async def running(*runners: Runner) -> AsyncIterator[list[asyncio.Task[None]]]:
    async with asyncio.TaskGroup() as group:
        yield [group.create_task(runner.run()) for runner in runners]
        for runner in runners:
            runner.stop()


async def answered(tape: JetStreamTape, timeout_s: float = 10) -> list[Entry]:
    """Wait until everything on the tape is answered, by whomever."""
    async with asyncio.timeout(timeout_s):
        while True:
            entries = await whole(tape)
            if recorded(eager(), entries) == expected(eager(), entries, tape.id):
                return entries
            await asyncio.sleep(0.02)


def test_the_standby_takes_over_from_a_dead_leader(nats_server: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            market, one, two = Market(tape), Hanging(tape), Hanging(tape)
            async with (
                hosted(client, one, eager()) as leader,
                hosted(client, two, eager(), standby_after_s=T_S) as standby,
                running(leader, standby) as (leading, _),
            ):
                await market.play(10)
                await answered(tape)
                assert two.appended == 0
                leading.cancel()
                await market.play(10)
                await answered(tape)
                assert two.appended > 0

    asyncio.run(scenario())


def test_a_hung_leader_is_replaced_and_stands_by_when_it_returns(
    nats_server: NatsUnderTest,
) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            market, one, two = Market(tape), Hanging(tape), Hanging(tape)
            async with (
                hosted(client, one, eager()) as leader,
                hosted(client, two, eager(), standby_after_s=T_S) as standby,
                running(leader, standby),
            ):
                await market.play(5)
                await answered(tape)
                one.goes.clear()
                await market.play(5)
                await answered(tape)
                assert two.appended > 0
                one.goes.set()
                await asyncio.sleep(T_S)
                before = one.appended
                await market.play(5)
                await answered(tape)
                assert one.appended == before, "the old leader has not noticed"
                two.goes.clear()  # and the other way round
                await market.play(5)
                await answered(tape)
                assert one.appended > before
                two.goes.set()

    asyncio.run(scenario())


def test_a_leader_cut_from_the_network_is_replaced_and_stands_by_when_it_is_back(
    nats_server: NatsUnderTest,
) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape), cable_to(nats_server.url) as cable:
            far = await connect(cable.url, name=ADMIN, login=nats_server.logins[ADMIN], timeout_s=5)
            market, one = Market(tape), Hanging(await JetStreamTape.open(far))
            async with (
                hosted(far, one, eager()) as leader,
                hosted(client, tape, eager(), standby_after_s=T_S) as standby,
                running(leader, standby),
            ):
                await market.play(5)
                await answered(tape)
                cable.cut()
                await market.play(5)
                await answered(tape)
                cable.mend()
                await market.play(5)
                await answered(tape)
            await far.close()

    asyncio.run(scenario())


def test_two_leaders_at_once_say_everything_once(nats_server: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with (
            fresh_tape(nats_server) as (client, tape),
            hosted(client, tape, eager()) as one,
            hosted(client, tape, eager()) as other,
            running(one, other),
        ):
            await Market(tape).play(SLICES)
            await answered(tape)

    asyncio.run(scenario())


class Wrong(Eager):
    """Says something else from the tenth message on."""

    @override
    def answer(self, message: Message) -> tuple[Message, ...]:
        if self.handled == 10:
            self.acc += 1
        return super().answer(message)


async def end_of(runner: Runner) -> str:
    try:
        await runner.run()
    except DivergenceError as error:
        return str(error)
    return "stopped"


def test_a_standby_that_thinks_otherwise_stops_and_says_where(nats_server: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            wrong = toy.actor(Wrong(), Rank.EXECUTION)
            async with (
                hosted(client, tape, eager()) as leader,
                hosted(client, tape, wrong, standby_after_s=1.0) as standby,
                running(leader),
                asyncio.TaskGroup() as group,
            ):
                checking = group.create_task(end_of(standby))
                await asyncio.sleep(T_S)
                await Market(tape).play(10)
                assert "strategy.eager diverges at" in await checking
                await answered(tape)

    asyncio.run(scenario())


def released(configuration: str) -> Actor:
    return Actor(
        core=Eager(),
        rank=Rank.EXECUTION,
        configuration={"release": configuration},
        packages=["shared.core"],
    )


def test_another_release_takes_the_lane_over_and_the_old_one_rests(
    nats_server: NatsUnderTest,
) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            market = Market(tape)
            async with hosted(client, tape, released("1")) as old, running(old) as (resting,):
                await market.play(5)
                await answered(tape)
                async with (
                    hosted(client, tape, released("2"), standby_after_s=T_S) as new,
                    running(new),
                ):
                    await market.play(5)
                    entries = await answered(tape)
                    births = [e for e in entries if e.subject.endswith(".state")]
                    assert len(births) == 2
                    assert not resting.done(), "its supervisor would start it again"

    asyncio.run(scenario())


def test_a_strangers_message_on_the_lane_ends_the_leader(nats_server: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with fresh_tape(nats_server) as (client, tape):
            market = Market(tape)
            async with hosted(client, tape, eager()) as leader, asyncio.TaskGroup() as group:
                leading = group.create_task(end_of(leader))
                await market.play(2)
                await answered(tape)
                bar = toy.slices(1)[0].messages[0]
                smuggled = fact(tape.id, eager().core.lane, bar, ts_ns=0, key="smuggled")
                await tape.tell(smuggled, once_id="smuggled")
                await market.play(2)
                assert "without a cause" in await leading

    asyncio.run(scenario())
