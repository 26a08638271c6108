"""When the tape stays away, nobody could stop an order that rests: the gate asks to cancel it.

Time without the tape is time in which this process was awake and asked for it in vain. One that
was frozen or asleep knows nothing about that time (another gate may lead by now), so it counts
from its waking on.
"""

import asyncio
from collections.abc import Callable, Iterable

from shared.domain.errors import UnavailableError
from shared.messages.broker import Outage
from shared.runtime.venue import NoAnswerError, Venue
from shared.tape.interface import ReadableTape

PULSE_S = 0.5
AWAKE_S = 15.0  # a request to the tape takes 5 s at most; longer between two: we were not awake


class TapeWatch:
    """Asks for the tape's end all the time. `resting` gives the client ids of what this gate,
    and no other, may cancel; nothing when it does not lead.
    """

    def __init__(
        self,
        tape: ReadableTape,
        venue: Venue,
        resting: Callable[[], Iterable[str]],
        *,
        cancel_after_s: float,
        cancel_again_s: float,
        passed_s: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self._tape = tape
        self._venue = venue
        self._resting = resting
        self._cancel_after_s = cancel_after_s
        self._cancel_again_s = cancel_again_s
        self._passed_s = passed_s
        self._say = say
        self._asked_s: dict[str, float] = {}
        self.outage: Outage | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        reached_s = looked_s = self._passed_s()
        while True:
            try:
                await self._tape.bounds()
            except UnavailableError as error:
                now_s = self._passed_s()
                if now_s - looked_s > AWAKE_S:
                    reached_s = now_s
                away_s = now_s - reached_s
                if away_s >= self._cancel_after_s:
                    self._say(f"no tape for {away_s:.0f} s: {error}")
                    await self._cancel_resting(away_s)
            else:
                reached_s = self._passed_s()
                self._asked_s.clear()
            looked_s = self._passed_s()
            await asyncio.sleep(PULSE_S)

    async def _cancel_resting(self, away_s: float) -> None:
        for identity in tuple(self._resting()):
            asked_s = self._asked_s.get(identity)
            if asked_s is not None and self._passed_s() - asked_s < self._cancel_again_s:
                continue
            try:
                await self._venue.cancel(identity)
            except NoAnswerError as error:
                self._say(str(error))
                continue
            self._asked_s[identity] = self._passed_s()
            told = self.outage.cancelled if self.outage is not None else ()
            if identity not in told:  # read and written without an await in between
                told = (*told, identity)
            self.outage = Outage(seconds=away_s, cancelled=told)

    def recorded(self, outage: Outage) -> None:
        """Forget what is on the tape now; keep what was asked for meanwhile."""
        if self.outage is None:
            return
        left = tuple(one for one in self.outage.cancelled if one not in outage.cancelled)
        self.outage = Outage(seconds=self.outage.seconds, cancelled=left) if left else None
