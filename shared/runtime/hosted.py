"""The actors that a process hosts at the moment, each with its runner and its instruments."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

from nats.aio.client import Client

from shared.config.desk import TapeSettings
from shared.runtime.actor import Actor
from shared.runtime.foresight import foresee
from shared.runtime.instruments import Instruments
from shared.runtime.runner import Runner
from shared.runtime.snapshots import SnapshotStore
from shared.runtime.turns import AtOnce, InTurn, Turns
from shared.subjects import Lane
from shared.tape.interface import Tape


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What every runner of a process is given."""

    client: Client
    tape: Tape
    snapshots: SnapshotStore
    settings: TapeSettings
    instruments: Callable[[Lane], Instruments]
    hold: Callable[[Turns], Turns] | None = None


class _Seat:
    """One hosted actor."""

    def __init__(self, instruments: Instruments) -> None:
        self.instruments = instruments
        self.runner: Runner | None = None
        self.task: asyncio.Task[None] | None = None
        self.is_leaving = False

    def stop(self) -> None:
        self.is_leaving = True
        if self.runner is not None:
            self.runner.stop()


class Hosted:
    """Starts actors and lets them go while the process lives. An actor's error ends `group`."""

    def __init__(self, group: asyncio.TaskGroup, around: Surroundings) -> None:
        self._group = group
        self._around = around
        self._seats: dict[Lane, _Seat] = {}

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Of the actors that are here, those that are still leaving among them."""
        return tuple(self._seats)

    @property
    def instruments(self) -> Iterator[Instruments]:
        """Of every actor here."""
        return (seat.instruments for seat in self._seats.values())

    def start(self, actor: Actor) -> None:
        """Host an actor that is not here."""
        lane = actor.core.lane
        seat = self._seats[lane] = _Seat(self._around.instruments(lane))
        seat.task = self._group.create_task(self._run(actor, seat))

    def release(self, lane: Lane) -> None:
        """Let an actor go after the message in hand; it is here until it has gone."""
        self._seats[lane].stop()

    async def end(self, timeout_s: float) -> None:
        """Let all go, each after the message in hand; bounded in time."""
        tasks = [seat.task for seat in self._seats.values() if seat.task is not None]
        for seat in self._seats.values():
            seat.stop()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=timeout_s)
            for task in late:
                task.cancel()

    async def _run(self, actor: Actor, seat: _Seat) -> None:
        around, lane = self._around, actor.core.lane
        async with AsyncExitStack() as stack:
            turns: Turns = AtOnce()
            if around.settings.lockstep:
                turns = in_turn = InTurn(around.client, lane, actor.rank, actor.core.reads)
                await stack.enter_async_context(in_turn)
            if around.hold is not None:
                turns = around.hold(turns)
            await foresee(around.tape, actor.core)
            standby_after_s = around.settings.standby_after_ms / 1e3
            seat.runner = Runner(
                actor, around.tape, turns, seat.instruments, around.snapshots, standby_after_s
            )
            if not seat.is_leaving:
                await seat.runner.run()
        if seat.is_leaving:
            seat.instruments.forget()
        del self._seats[lane]
