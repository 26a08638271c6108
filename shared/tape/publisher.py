"""The one place that writes on a lane: fenced, in order, never guessing.

A refusal or a timeout is not a verdict. The lane is read again through the leader: my message
is there: success; somebody else's: the fence is lost; unchanged: try again, with jitter.
"""

import asyncio
import random
from collections.abc import Sequence

from shared.domain.errors import UnavailableError
from shared.subjects import Lane
from shared.tape.entry import Outgoing
from shared.tape.interface import BATCH_MAX, FenceLostError, NoVerdictError, Tape

BATCH_FROM = 10  # below it, fenced messages one by one are cheaper than an atomic batch
PAUSE_MIN_S = 0.02
PAUSE_MAX_S = 2.0


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

    async def _settle(self, outs: Sequence[Outgoing]) -> None:
        pause_s = PAUSE_MIN_S
        while True:
            try:
                self.head = await self._send(outs)
            except (FenceLostError, NoVerdictError, UnavailableError):
                if await self._is_recorded(outs[-1]):
                    return
                # Jitter keeps many writers from knocking at the same moment after an outage.
                await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))  # noqa: S311
                pause_s = min(pause_s * 2, PAUSE_MAX_S)
            else:
                return

    async def _send(self, outs: Sequence[Outgoing]) -> int:
        if len(outs) == 1:
            return await self._tape.append(outs[0], lane=self.lane, fence=self.head)
        return await self._tape.append_batch(outs, lane=self.lane, fence=self.head)

    async def _is_recorded(self, out: Outgoing) -> bool:
        try:
            last = await self._tape.last(self.lane.fence)
        except UnavailableError:
            return False
        end = last.seq if last else 0
        if last is not None and end > self.head and out.is_recorded_as(last):
            self.head = end
            return True
        if end != self.head:
            raise FenceLostError(self.lane, self.head, end)
        return False
