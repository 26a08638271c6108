"""The one place that writes on a lane: fenced, in order, never guessing.

A refusal or a timeout is not a verdict. The lane is read again through the leader: my message
is there: success; somebody else's: the fence is lost; unchanged: try again, with jitter.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence

from shared.domain.errors import UnavailableError
from shared.subjects import Lane
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import (
    BATCH_MAX,
    FenceLostError,
    NoVerdictError,
    Tape,
    TapeFullError,
)

BATCH_FROM = 10  # below it, fenced messages one by one are cheaper than an atomic batch
PAUSE_MIN_S = 0.02
PAUSE_MAX_S = 2.0
_jitter = random.Random()  # noqa: S311 - its own, so that nobody's seeded numbers change


_DOUBTFUL = (FenceLostError, NoVerdictError, TapeFullError, UnavailableError)


async def _at_once() -> None:
    """Hold nothing back."""


class LanePublisher:
    """Writes one lane. `head` is the lane's last sequence, as proven by the server.

    `recorded` counts the messages that are on the tape, also when the rest was refused. `say` is
    told why a publish has to wait. `go` is awaited immediately before every attempt, the first and
    each later one: what it holds back (a latched kill does) has not left.
    """

    def __init__(
        self,
        tape: Tape,
        lane: Lane,
        head: int,
        say: Callable[[str], None] = lambda _: None,
        go: Callable[[], Awaitable[None]] = _at_once,
    ) -> None:
        self._tape = tape
        self._say = say
        self._go = go
        self.lane = lane
        self.head = head
        self.recorded = 0

    async def publish(self, outs: Sequence[Outgoing]) -> None:
        """Put all of `outs` on the tape, in order; FenceLostError when another writer did.

        A crash in between leaves a prefix, which recovery completes. Waits as long as the
        server cannot be reached or is full: cancel it to stop.
        """
        if len(outs) > BATCH_FROM:
            await self.publish_whole(outs)
        else:
            await self._settle(outs)

    async def publish_whole(self, outs: Sequence[Outgoing]) -> None:
        """The same in atomic batches, so that no reader sees a prefix of up to BATCH_MAX."""
        for start in range(0, len(outs), BATCH_MAX):
            part = outs[start : start + BATCH_MAX]
            await self._settle(part, at_once=len(part))

    async def publish_run(self, outs: Sequence[Outgoing]) -> None:
        """The same for many messages while nobody else speaks: all on their way at once.

        Whatever stops a run leaves a prefix; the rest goes out one by one.
        """
        for start in range(0, len(outs), BATCH_MAX):
            part = outs[start : start + BATCH_MAX]
            await self._go()
            try:
                self.head = await self._tape.append_run(part, lane=self.lane, fence=self.head)
                self.recorded += len(part)
            except _DOUBTFUL:
                recorded = await self._count_recorded(part)
                self.recorded += recorded
                await self._settle(part[recorded:])

    async def _settle(self, outs: Sequence[Outgoing], at_once: int = 1) -> None:
        """Publish `at_once` messages at a time, these together or not at all, until all stand."""
        pauses_s = _pauses_s()
        while outs:
            await self._go()
            try:
                self.head = await self._send(outs[:at_once])
                recorded = min(at_once, len(outs))
            except _DOUBTFUL as error:
                recorded = await self._count_recorded(outs)
                if not recorded:
                    self._say(str(error))
                    await asyncio.sleep(next(pauses_s))
            self.recorded += recorded
            outs = outs[recorded:]

    async def _send(self, outs: Sequence[Outgoing]) -> int:
        if len(outs) == 1:
            return await self._tape.append(outs[0], lane=self.lane, fence=self.head)
        return await self._tape.append_batch(outs, lane=self.lane, fence=self.head)

    async def _count_recorded(self, outs: Sequence[Outgoing]) -> int:
        """Return how many of `outs` are on the tape after all; `head` is the last one's place.

        Not the first alone: what was still on its way when a run was stopped arrives later.
        """
        last = await self.lane_end()
        end = last.seq if last is not None else 0
        if last is not None and end > self.head:
            for count, out in enumerate(outs, start=1):
                if out.is_recorded_as(last):
                    self.head = end
                    return count
        if end != self.head:
            raise FenceLostError(self.lane, self.head, end)
        return 0

    async def lane_end(self) -> Entry | None:
        """Return the lane's last message, however long the server takes to answer."""
        for pause_s in _pauses_s():
            try:
                return await self._tape.last(self.lane.fence)
            except UnavailableError:
                await asyncio.sleep(pause_s)
        raise AssertionError("unreachable: the pauses have no end")


def _pauses_s() -> Iterator[float]:
    """Yield ever longer pauses; jitter keeps many writers from knocking at the same moment."""
    pause_s = PAUSE_MIN_S
    while True:
        yield pause_s * _jitter.uniform(0.5, 1.5)
        pause_s = min(pause_s * 2, PAUSE_MAX_S)
