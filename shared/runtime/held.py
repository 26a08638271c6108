"""What a desk in one process holds back from its patient cores.

The contract is `shared.core.PatientCore`; whether a core keeps to it is a property test, and an
answer to something that was held back stops the run (INV-PATIENCE).
"""

from collections.abc import Callable, Sequence

from shared.core import NO_BARS, Patience, Stamp
from shared.domain.errors import InvariantError
from shared.domain.values import Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, Clock
from shared.runtime.routes import Voice
from shared.runtime.stamps import LateStamp
from shared.subjects import Lane, reading


class Held:
    """The newest bar of each symbol, and the newest clock, of one feed.

    `waiting` are the cores that may wait for a bar, `timed` those that may wait for a clock, both
    in rank order. `seq` is the newest message that may not have been given to everybody.
    """

    def __init__(self, voices: Sequence[Voice], tape_id: str) -> None:
        self.bars: dict[str, tuple[Stamp, Bar]] = {}
        self.waiting: list[tuple[Voice, Patience]] = []
        self.timed: list[tuple[Voice, Patience]] = []
        self.seq = 0
        self._voices = voices
        self._tape_id = tape_id
        self._lane = Lane("data", "")
        self._clock_at: Callable[[int], Clock] = lambda ts_ns: Clock(ts_ns=ts_ns)
        self._ts_ns = self._clock_seq = 0
        self._clock: tuple[Stamp, Clock] | None = None

    def attend(self, lane: Lane, clock_at: Callable[[int], Clock]) -> None:
        """Begin with a feed."""
        self._lane, self._clock_at = lane, clock_at
        bars = [reading(*lane, "bar", timeframe.value, "any") for timeframe in Timeframe]
        clock = reading(*lane, "clock")
        for voice in self._voices:
            voice.misses_bars = voice.patience.bars is not None and any(map(voice.wants, bars))
            voice.reads_clock = voice.wants(clock)
        self.waiting = [
            (voice, voice.patience)
            for voice in self._voices
            if voice.misses_bars and voice.patience.bars is not NO_BARS
        ]
        self.timed = [
            (voice, voice.patience)
            for voice in self._voices
            if voice.reads_clock and voice.patience.minds_time
        ]

    def pass_time(self, ts_ns: int, clock_seq: int) -> None:
        """Note the clock of a moment; it is made when somebody is given it."""
        self._ts_ns = ts_ns
        self.seq = self._clock_seq = clock_seq
        self._clock = None

    def clock(self) -> tuple[Stamp, Clock]:
        """Return the newest clock."""
        if self._clock is None:
            seq, ts_ns, clock = self._clock_seq, self._ts_ns, self._clock_at(self._ts_ns)
            stamp = LateStamp(seq, ts_ns, self._lane, "", "", seq, self._tape_id, clock)
            self._clock = (stamp, clock)
        return self._clock

    def settle(self) -> None:
        """Give every core what was held back from it."""
        for voice in self._voices:
            self.catch_up(voice)

    def catch_up_bars(self, voice: Voice) -> None:
        """Give a core that misses bars those that were held back from it."""
        seen_seq = voice.seen_seq
        for stamp, bar in self.bars.values():
            if stamp.seq > seen_seq and voice.handle(stamp, bar):
                _complain(voice, bar)

    def catch_up(self, voice: Voice) -> None:
        """Give a core whatever was held back from it."""
        if voice.misses_bars:
            self.catch_up_bars(voice)
        if voice.reads_clock and self._clock_seq > voice.seen_seq:
            stamp, clock = self._clock or self.clock()
            if voice.handle(stamp, clock):
                _complain(voice, clock)
        voice.seen_seq = self.seq

    def all_have_seen(self, ts_ns: int, clock_seq: int) -> None:
        """Note that a moment was given to everybody."""
        self.pass_time(ts_ns, clock_seq)
        for voice in self._voices:
            voice.seen_seq = clock_seq


def _complain(voice: Voice, message: Message) -> None:
    raise InvariantError("INV-PATIENCE", f"{voice.lane} answers to what was held back: {message}")
