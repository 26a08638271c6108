"""The bars of a file source in blocks: the same slices, found column-wise.

`FileSource.slices` says what a slice is; here it is computed for all of them at once. A test
holds both to the same messages.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from console.backtest.result import Times
from console.backtest.unread import count_unread
from services.data.files.bars import Bars
from services.data.files.source import actions_by_time, bells_between, make_bars
from services.data.moment import clock_at
from shared.domain.sessions import NS_PER_DAY, session_of_utc_day
from shared.domain.values import Timeframe
from shared.messages.market import Clock
from shared.runtime.source import Block

_SLICES_AT_ONCE = 4_096
_ROWS_AT_ONCE = 16_384


class Timeline:
    """Where the slices of these bars are: worked out once, played as often as you like.

    `ts_ns` (n,) is the time of each slice, `first_row` (n + 1,) where its bars begin; `session`
    (n,) is an index into `sessions`, -1 where the exchange is closed. `turns` (n,) says that the
    clock names another session or state of the market than the clock before, or that `actions`
    (by their time) stand in the slice.
    """

    def __init__(self, bars: Bars) -> None:
        self.bars = bars
        self.actions = actions_by_time(bars)
        self.ts_ns, self.first_row = _slices(np.asarray(bars.end_ns), sorted(self.actions))
        days = _days_of(self.ts_ns)
        is_within = (days.open_ns <= self.ts_ns) & (self.ts_ns <= days.close_ns)
        is_open = is_within & (self.ts_ns < days.close_ns)
        self.session = np.where(is_within, days.place, -1).astype(np.int32)
        self.sessions = days.dates
        self.turns = np.ones(len(self.ts_ns), np.bool_)
        self.turns[1:] = np.diff(self.session).astype(np.bool_) | (is_open[1:] != is_open[:-1])
        self.turns[np.searchsorted(self.ts_ns, sorted(self.actions))] = True

    def blocks(self, unread: Sequence[Timeframe] = ()) -> "TimelineBlocks":
        """Return the blocks; of `unread` timeframes nobody reads what the aggregator builds."""
        return TimelineBlocks(self, count_unread(self.bars, self.ts_ns, unread))

    def parts(self) -> Iterator[tuple[int, int]]:
        """Yield [begin, end) of slices that are made at once, so that memory stays flat."""
        begin, count = 0, len(self.ts_ns)
        while begin < count:
            row = int(self.first_row[begin]) + _ROWS_AT_ONCE
            end = int(np.searchsorted(self.first_row, row, "right")) - 1
            end = min(max(end, begin + 1), begin + _SLICES_AT_ONCE, count)
            yield begin, end
            begin = end


class TimelineBlocks:
    """The blocks of a timeline; `unread` (n,) longer bars are completed by the clock of a slice."""

    def __init__(self, timeline: Timeline, unread: NDArray[np.int64]) -> None:
        self._timeline = timeline
        # Messages before each slice, if nobody spoke: actions, bars, a clock, what nobody reads.
        actions = np.zeros(len(unread), np.int64)
        places = np.searchsorted(timeline.ts_ns, sorted(timeline.actions))
        actions[places] = [len(timeline.actions[ts_ns]) for ts_ns in sorted(timeline.actions)]
        counts = np.diff(timeline.first_row) + 1 + unread + actions
        self._offsets = np.concatenate(([0], np.cumsum(counts)))

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks."""
        return map(self._block, self._timeline.parts())

    def _block(self, part: tuple[int, int]) -> Block:
        line, (begin, end) = self._timeline, part
        bars, row, last = line.bars, int(line.first_row[begin]), int(line.first_row[end])
        times_ns = line.ts_ns[begin:end].tolist()
        turns = np.flatnonzero(line.turns[begin:end]).tolist()
        found = ((place, line.actions.get(times_ns[place])) for place in turns)
        return Block(
            symbols=bars.symbols,
            ts_ns=times_ns,
            first=(line.first_row[begin : end + 1] - row).tolist(),
            bars=make_bars(bars, row, last),
            closes=bars.prices[-1][row:last].tolist(),
            bar_ts_ns=bars.end_ns[row:last].tolist(),
            offsets=(self._offsets[begin : end + 1] - self._offsets[begin]).tolist(),
            turns=turns,
            actions={place: actions for place, actions in found if actions},
        )

    def clock(self, ts_ns: int) -> Clock:
        """Return the clock that ends a slice."""
        return clock_at(ts_ns)


class _Days(NamedTuple):
    """For each of n times the session of its UTC day: its bells, and its place in `dates`."""

    open_ns: Times
    close_ns: Times
    place: NDArray[np.int64]
    dates: tuple[str, ...]


def _slices(end_ns: Times, actions_ns: Sequence[int]) -> tuple[Times, NDArray[np.int64]]:
    """Return the times of all slices and the first row of each, bells and actions among them."""
    first = np.flatnonzero(np.concatenate(([True], end_ns[1:] != end_ns[:-1])))
    ts_ns = end_ns[first]
    bells: list[int] = []
    for place in np.flatnonzero(_may_have_bells(ts_ns)).tolist():
        before_ns = int(ts_ns[place - 1]) if place else 0
        bells += bells_between(before_ns, int(ts_ns[place]))
    # Also between bells that stand before the same bar, and never twice at one moment.
    found = np.unique(np.array([*bells, *actions_ns], np.int64))
    found = found[~np.isin(found, ts_ns)]
    where = np.searchsorted(ts_ns, found)
    ts_ns = np.insert(ts_ns, where, found)
    first = np.insert(first, where, first[where])
    return ts_ns, np.append(first, len(end_ns))


def _may_have_bells(ts_ns: Times) -> NDArray[np.bool_]:
    """Say before which slices a bell may stand: a superset, to be looked at one by one."""
    days = _days_of(ts_ns)
    found = np.ones(len(ts_ns), np.bool_)
    before, now = ts_ns[:-1], ts_ns[1:]
    found[1:] = (before // NS_PER_DAY) != (now // NS_PER_DAY)
    found[1:] |= (before < days.open_ns[1:]) & (days.open_ns[1:] < now)
    found[1:] |= (before < days.close_ns[1:]) & (days.close_ns[1:] < now)
    return found


def _days_of(ts_ns: Times) -> _Days:
    """Look up the sessions of times in ascending order; without a session: bells never met."""
    day = ts_ns // NS_PER_DAY
    is_new = np.concatenate(([True], day[1:] != day[:-1]))
    opens, closes, places, dates = [], [], [], list[str]()
    for one in day[is_new].tolist():
        session = session_of_utc_day(one * NS_PER_DAY)
        opens.append(1 if session is None else session.open_ns)
        closes.append(0 if session is None else session.close_ns)
        places.append(-1 if session is None else len(dates))
        if session is not None:
            dates.append(session.date)
    of_time = np.cumsum(is_new) - 1
    open_ns, close_ns = np.array(opens, np.int64), np.array(closes, np.int64)
    place = np.array(places, np.int64)
    return _Days(open_ns[of_time], close_ns[of_time], place[of_time], tuple(dates))
