"""The one place that writes on a lane: fenced, in order, never guessing.

A refusal or a timeout is not a verdict. The lane is read again through the leader: my message
is there: success; somebody else's: the fence is lost; unchanged: try again, with jitter.
"""

import asyncio
import random
from collections.abc import Iterator, Sequence

from shared.domain.errors import UnavailableError
from shared.subjects import Lane
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import BATCH_MAX, FenceLostError, NoVerdictError, Tape

BATCH_FROM = 10  # below it, fenced messages one by one are cheaper than an atomic batch
PAUSE_MIN_S = 0.02
PAUSE_MAX_S = 2.0
_jitter = random.Random()  # noqa: S311 - its own, so that nobody's seeded numbers change


class LanePublisher:
    """Writes one lane. `head` is the lane's last sequence, as proven by the server."""

    def __init__(self, tape: Tape, lane: Lane, head: int) -> None:
        self._tape = tape
        self.lane = lane
        self.head = head

    async def publish(self, outs: Sequence[Outgoing]) -> None:
        """Put all of `outs` on the tape, in order; FenceLostError when another writer did.

        A crash in between leaves a prefix, which recovery completes. Waits as long as the
        server cannot be reached: cancel it to stop.
        """
        if len(outs) > BATCH_FROM:
            await self.publish_whole(outs)
        else:
            for out in outs:
                await self._settle((out,))

    async def publish_whole(self, outs: Sequence[Outgoing]) -> None:
        """The same in atomic batches, so that no reader sees a prefix of up to BATCH_MAX."""
        for start in range(0, len(outs), BATCH_MAX):
            await self._settle(outs[start : start + BATCH_MAX])

    async def publish_run(self, outs: Sequence[Outgoing]) -> None:
        """The same for many messages while nobody else speaks: all on their way at once.

        Whatever stops a run leaves a prefix; the rest goes out one by one.
        """
        for start in range(0, len(outs), BATCH_MAX):
            part = outs[start : start + BATCH_MAX]
            try:
                self.head = await self._tape.append_run(part, lane=self.lane, fence=self.head)
            except (FenceLostError, NoVerdictError, UnavailableError):
                for out in part[await self._count_recorded(part) :]:
                    await self._settle((out,))

    async def _count_recorded(self, outs: Sequence[Outgoing]) -> int:
        """Return how many of a run's messages are on the tape; `head` is the last one's place."""
        last = await self._lane_end()
        if last is not None and last.seq > self.head:
            for count, out in enumerate(outs, start=1):
                if out.is_recorded_as(last):
                    self.head = last.seq
                    return count
        return 0

    async def _settle(self, outs: Sequence[Outgoing]) -> None:
        """Publish what stands together or not at all; return when it stands."""
        pauses_s = _pauses_s()
        while True:
            try:
                self.head = await self._send(outs)
            except (FenceLostError, NoVerdictError, UnavailableError):
                if await self._is_recorded(outs[-1]):
                    return
                await asyncio.sleep(next(pauses_s))
            else:
                return

    async def _send(self, outs: Sequence[Outgoing]) -> int:
        if len(outs) == 1:
            return await self._tape.append(outs[0], lane=self.lane, fence=self.head)
        return await self._tape.append_batch(outs, lane=self.lane, fence=self.head)

    async def _is_recorded(self, out: Outgoing) -> bool:
        last = await self._lane_end()
        end = last.seq if last else 0
        if last is not None and end > self.head and out.is_recorded_as(last):
            self.head = end
            return True
        if end != self.head:
            raise FenceLostError(self.lane, self.head, end)
        return False

    async def _lane_end(self) -> Entry | None:
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
