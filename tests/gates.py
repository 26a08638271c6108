"""Gates for tests: in this process, or in one of their own that ends itself at a given point."""

import asyncio
import os
import signal
from typing import override

from shared.runtime.gate import BrokerGate, GateSettings
from shared.runtime.venue import OrderStatement, VenueOrder
from shared.subjects import Lane
from shared.tape.client import Login, connect
from shared.tape.entry import Outgoing
from shared.tape.interface import Tape
from shared.tape.jetstream import JetStreamTape
from tests.http_broker import HttpVenue

FAST = GateSettings(
    send_within_s=0.4, sync_s=0.01, snapshot_s=0.3, cancel_after_s=0.6, cancel_again_s=0.3
)
POINTS = tuple(
    f"{when}:{what}"
    for what in ("sending", "submit", "ack", "report", "snapshot")
    for when in ("before", "after")
)


class CrashPoint:
    """`kill -9` of this process the first time it comes by."""

    def __init__(self, point: str) -> None:
        self._point = point

    def pass_by(self, point: str) -> None:
        if point == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


class CrashingTape(JetStreamTape):
    """Passes by before and after each append."""

    crash = CrashPoint("")

    @override
    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        kind = out.subject.split(".")[2]
        self.crash.pass_by(f"before:{kind}")
        seq = await super().append(out, lane=lane, fence=fence)
        self.crash.pass_by(f"after:{kind}")
        return seq


class CrashingVenue(HttpVenue):
    """Passes by before and after each request for an order."""

    crash = CrashPoint("")

    @override
    async def submit(self, order: VenueOrder) -> OrderStatement:
        self.crash.pass_by("before:submit")
        said = await super().submit(order)
        self.crash.pass_by("after:submit")
        return said


def gate_of(book: str, tape: Tape, venue: HttpVenue, settings: GateSettings = FAST) -> BrokerGate:
    """A gate of a book at the broker of `tests.http_broker`."""
    return BrokerGate(
        book, tape, venue, settings=settings, is_latched=lambda: False, name=f"http {book}"
    )


def run_to_its_end(url: str, user: str, seed: str, port: int, book: str, point: str) -> None:
    """Be a gate process that ends itself at `point`."""

    async def run() -> None:
        login = Login(user, seed=seed)
        client = await connect(url, name=user, login=login, timeout_s=5)
        tape = await CrashingTape.open(client)
        venue = CrashingVenue(port, book)
        tape.crash = venue.crash = CrashPoint(point)
        async with asyncio.timeout(20):
            await gate_of(book, tape, venue).run()

    asyncio.run(run())
