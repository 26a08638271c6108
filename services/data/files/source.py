"""`FileSource`: checked files, played as time slices."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path
from typing import Self

from services.data.files.bars import Bars, Floats, Integers
from services.data.moment import clock_at
from shared.domain.sessions import session_at, session_of_utc_day
from shared.domain.values import Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, CorporateAction
from shared.runtime.source import TimeSlice

_ROWS_AT_ONCE = 8_192  # bars turned into objects ahead of need


class FileSource:
    """Historical bars from files; raises DataError on construction when they are not sound.

    A slice holds the bars that end at one moment (a daily bar ends at the close of its session,
    or with the UTC day when there is none). Where no bar ends at the bells of a session that has
    bars, a slice with the clock alone stands there: everybody sees the session begin, also with
    daily bars, and sees it end at its close and not on the next morning. (The last session of a
    file ends where the file does.) Splits and dividends stand in slices of their own, or before
    the bars that end at the same moment.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        timeframe: Timeframe | None = None,
        actions: Path | None = None,
    ) -> None:
        from services.data.files.finding import find_files  # noqa: PLC0415
        from services.data.files.loading import load  # noqa: PLC0415 - imports pyarrow

        self._bars = load(find_files(paths), timeframe, actions)

    @classmethod
    def of(cls, bars: Bars) -> Self:
        """Return the source of bars that were read elsewhere."""
        source = cls.__new__(cls)
        source._bars = bars  # noqa: SLF001 - its own
        return source

    @property
    def bars(self) -> Bars:
        """The bars as columns."""
        return self._bars

    @property
    def timeframe(self) -> Timeframe:
        """The timeframe of the bars."""
        return self._bars.timeframe

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols of the bars, sorted."""
        return self._bars.symbols

    @property
    def total(self) -> int:
        """How many bars there are."""
        return len(self._bars.end_ns)

    @property
    def span(self) -> tuple[int, int]:
        """When the first and the last bar end."""
        return int(self._bars.end_ns[0]), int(self._bars.end_ns[-1])

    def slices(self, after_ns: int) -> Iterator[TimeSlice]:
        """Yield the slices later than `after_ns`."""
        bars, actions = self._bars, actions_by_time(self._bars)
        first = bisect_right(bars.end_ns, after_ns)
        now_ns = bars.end_ns[first - 1] if first else 0
        gathered: list[Message] = []
        for end_ns, bar in _bars_from(bars, first):
            if end_ns != now_ns:
                if gathered:
                    yield _slice(now_ns, gathered)
                between = {*bells_between(now_ns, end_ns)}
                between |= {ts_ns for ts_ns in actions if now_ns < ts_ns < end_ns}
                for ts_ns in sorted(between):
                    if ts_ns > after_ns:
                        yield _slice(ts_ns, actions.get(ts_ns, ()))
                now_ns, gathered = end_ns, [*actions.get(end_ns, ())]
            gathered.append(bar)
        if gathered:
            yield _slice(now_ns, gathered)


def actions_by_time(bars: Bars) -> dict[int, list[CorporateAction]]:
    """Return the splits and dividends by the moment at which they stand, each sorted by symbol."""
    found: dict[int, list[CorporateAction]] = {}
    for ts_ns, action in bars.actions:
        found.setdefault(ts_ns, []).append(action)
    return found


def bells_between(before_ns: int, end_ns: int) -> Iterator[int]:
    """Yield the close and the open that lie between two slices, of the sessions they are in."""
    left = session_at(before_ns)
    if left is not None and left.close_ns < end_ns:
        yield left.close_ns
    entered = session_of_utc_day(end_ns)
    if entered is not None and before_ns < entered.open_ns < end_ns <= entered.close_ns:
        yield entered.open_ns


def _slice(ts_ns: int, messages: Sequence[Message]) -> TimeSlice:
    return TimeSlice(ts_ns, (*messages, clock_at(ts_ns)))


def _bars_from(bars: Bars, first: int) -> Iterator[tuple[int, Bar]]:
    """Yield (end, bar) from a row on, made in blocks so that memory stays flat."""
    for begin in range(first, len(bars.end_ns), _ROWS_AT_ONCE):
        end = begin + _ROWS_AT_ONCE
        yield from zip(bars.end_ns[begin:end].tolist(), make_bars(bars, begin, end), strict=True)


def make_bars(bars: Bars, begin: int, end: int) -> list[Bar]:
    """Turn the rows [begin, end) into messages."""
    rows = slice(begin, end)
    symbols = map(bars.symbols.__getitem__, bars.symbol[rows].tolist())
    columns: tuple[Floats | Integers, ...] = (bars.start_ns, *bars.prices, bars.volume)
    numbers = (column[rows].tolist() for column in columns)
    extras: list[Iterable[object]] = [
        repeat(None) if bars.vwap is None else map(_or_none, bars.vwap[rows]),
        repeat(None) if bars.trades is None else map(_count_or_none, bars.trades[rows]),
    ]
    # In the order of the fields of `Bar`.
    return list(map(Bar, symbols, repeat(bars.timeframe), *numbers, *extras))


def _or_none(value: float) -> float | None:
    return value if value > 0 else None  # NaN is not above zero


def _count_or_none(count: int) -> int | None:
    return count if count >= 0 else None
