"""The one true log behind all connections: what the tape's server has on its disk.

It keeps the promises of the real server (one order, a fence on each lane, one message for an id
within the window) and has its weaknesses: it goes away, and a power cut takes what was not on
the disk yet.
"""

import asyncio
from collections.abc import Sequence

from shared.subjects import Lane, lane_of, matches
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import BATCH_MAX, FenceLostError

WALL_NS = 1_800_000_000_000_000_000  # what a clock on the wall says when a round begins
WINDOW_S = 120.0  # how long the server knows a message id
SYNC_S = 0.01  # every so often what is acknowledged goes to the disk (design 2)


def wall_ns(now_s: float) -> int:
    """Return the wall time at a virtual second."""
    return WALL_NS + round(now_s * 1e9)


class Wakeable:
    """Somebody who waits for entries of some subjects."""

    def wants(self, subject: str) -> bool:
        """Tell whether entries under this subject are for it."""
        raise NotImplementedError


class Log:
    """Entries in order. `checks_fences` False is a server that has forgotten what a fence is."""

    def __init__(self, tape_id: str) -> None:
        self.id = tape_id
        self.entries: list[Entry] = []
        self.taken_s: list[float] = []
        self.is_up = True
        self.life = 0  # requests of a life before do not arrive any more
        self.checks_fences = True
        self.window_s = WINDOW_S
        self.waiting: dict[int, tuple[Wakeable, asyncio.Future[None]]] = {}
        self._ends: dict[Lane, int] = {}
        self._newest: dict[str, int] = {}
        self._told: dict[str, tuple[float, int]] = {}

    @property
    def last_seq(self) -> int:
        """The newest sequence, 0 when there is none."""
        return len(self.entries)

    def lane_end(self, lane: Lane) -> int:
        """The newest sequence of a lane."""
        return self._ends.get(lane, 0)

    def last(self, pattern: str) -> Entry | None:
        """Return the newest entry that a filter covers."""
        exact = self._newest.get(pattern)
        if exact is not None:
            return self.entries[exact - 1]
        if pattern.endswith(".>") and pattern.count(".") == 2 and "*" not in pattern:
            end = self._ends.get(lane_of(pattern), 0)
        else:
            seqs = (seq for subject, seq in self._newest.items() if matches(pattern, subject))
            end = max(seqs, default=0)
        return self.entries[end - 1] if end else None

    def append(self, outs: Sequence[Outgoing], lane: Lane, fence: int, now_s: float) -> int:
        """Take all or none."""
        assert 1 <= len(outs) <= BATCH_MAX
        end = self._ends.get(lane, 0)
        if end != fence and self.checks_fences:
            raise FenceLostError(lane, fence, end)
        for out in outs:
            self._take(out, now_s, fenced=True)
        return self.last_seq

    def tell(self, out: Outgoing, once_id: str, now_s: float) -> int:
        """Take once for each id, as far as the window remembers."""
        known = self._told.get(once_id)
        if known is not None and now_s - known[0] < self.window_s:
            return known[1]
        self._take(out, now_s, fenced=False)
        self._told[once_id] = (now_s, self.last_seq)
        return self.last_seq

    def _take(self, out: Outgoing, now_s: float, *, fenced: bool) -> None:
        seq = len(self.entries) + 1
        entry = Entry(
            seq=seq,
            subject=out.subject,
            payload=out.payload,
            recorded_ns=wall_ns(now_s),
            cause=out.cause,
            index=out.index,
            count=out.count,
            trace=out.trace,
            fenced=fenced,
        )
        self.entries.append(entry)
        self.taken_s.append(now_s)
        self._ends[lane_of(out.subject)] = seq
        self._newest[out.subject] = seq
        for key, (reader, woken) in list(self.waiting.items()):
            if reader.wants(out.subject):
                del self.waiting[key]
                if not woken.done():
                    woken.set_result(None)

    def cut_power(self, kept_until_s: float) -> int:
        """Forget what was taken after that moment; return how many messages that were."""
        kept = len(self.entries)
        while kept and self.taken_s[kept - 1] > kept_until_s:
            kept -= 1
        lost = len(self.entries) - kept
        del self.entries[kept:], self.taken_s[kept:]
        self._ends = {}
        self._newest = {}
        for entry in self.entries:
            self._ends[entry.lane] = self._newest[entry.subject] = entry.seq
        self._told = {once: told for once, told in self._told.items() if told[1] <= kept}
        self.life += 1
        return lost
