"""How many longer bars each clock completes, counted column-wise where nobody reads them.

The aggregator's bars stand on a recorded tape whether somebody reads them or not, and take
sequence numbers. Where nobody on the desk does, a backtest counts them instead of building them.
The rules are those of `services.data.core` and `services.data.rules.buckets`; a test holds the
counts to what the aggregator says.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from console.backtest.result import Times
from services.data.files.bars import Bars
from shared.core import Stamp
from shared.domain.sessions import NS_PER_DAY, session_of_utc_day
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.subjects import AGGREGATED


class SilentAggregator:
    """Stands where the aggregator would: on its lane, reading nothing."""

    lane = AGGREGATED
    reads: Sequence[str] = ()

    def handle(self, _stamp: Stamp, _message: Message, /) -> tuple[Message, ...]:
        """Say nothing."""
        return ()

    def snapshot(self) -> bytes:
        """Return that there is no state."""
        return b""

    def restore(self, _state: bytes, /) -> None:
        """Take over no state."""


def count_unread(bars: Bars, ts_ns: Times, timeframes: Sequence[Timeframe]) -> NDArray[np.int64]:
    """Return (n,): how many bars of `timeframes` the clock of each slice completes.

    `ts_ns` (n,) are the times of the slices. A bar goes to the bucket that holds its start. One
    whose bucket an earlier clock has closed is late and goes nowhere.
    """
    counts = np.zeros(len(ts_ns), np.int64)
    native_s = bars.timeframe.seconds
    longer = sorted((t for t in timeframes if t.seconds > native_s), key=lambda t: t.seconds)
    start, symbol = np.asarray(bars.start_ns), np.asarray(bars.symbol)
    if not longer or not len(ts_ns):
        return counts
    end = np.asarray(bars.end_ns)
    before = np.concatenate(([-1], ts_ns))[np.searchsorted(ts_ns, end)]  # the clock before
    for place, timeframe in enumerate(longer):
        bucket_start, bucket_end = _buckets(start, timeframe)
        kept = bucket_end >= 0
        if place == 0:
            kept &= bucket_end > before
        start, end, symbol = _unique(bucket_start[kept], bucket_end[kept], symbol[kept])
        done = np.searchsorted(ts_ns, end)
        counts += np.bincount(done, minlength=len(ts_ns) + 1)[: len(ts_ns)]
    return counts


def _unique(start: Times, end: Times, symbol: Times) -> tuple[Times, Times, Times]:
    """Keep one row of each bucket and symbol."""
    if not len(start):
        return start, end, symbol
    width = int(symbol.max()) + 1
    number = np.cumsum(np.concatenate(([False], start[1:] != start[:-1])))
    if np.any(start[1:] < start[:-1]):
        number = np.unique(start, return_inverse=True)[1]
    _, first = np.unique(number * width + symbol, return_index=True)
    return start[first], end[first], symbol[first]


def _buckets(ts_ns: Times, timeframe: Timeframe) -> tuple[Times, Times]:
    """Return the bucket [start, end) of each time, as `derive_bucket` does; -1: there is none."""
    days, of_time = np.unique(ts_ns // NS_PER_DAY, return_inverse=True)
    sessions = [session_of_utc_day(day * NS_PER_DAY) for day in days.tolist()]
    opens = np.array([s.open_ns if s else -1 for s in sessions], np.int64)[of_time]
    closes = np.array([s.close_ns if s else -1 for s in sessions], np.int64)[of_time]
    is_inside = (opens <= ts_ns) & (ts_ns < closes)
    if timeframe is Timeframe.D1:
        return np.where(is_inside, opens, -1), np.where(is_inside, closes, -1)
    length = timeframe.seconds * NS_PER_S
    origin = np.where(is_inside, opens, 0)
    start = ts_ns - (ts_ns - origin) % length
    end = start + length
    has = opens >= 0
    is_before, is_after = has & (ts_ns < opens), has & (ts_ns >= closes)
    start = np.where(is_after, np.maximum(start, closes), start)
    end = np.where(is_before, np.minimum(end, opens), end)
    end = np.where(is_inside, np.minimum(end, closes), end)
    return start, end
