"""Where market data comes from when one writer plays it: a file or the simulated market."""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import NamedTuple, Protocol

from msgspec import Struct

from shared.core import Bounds
from shared.messages.base import Message
from shared.messages.market import Bar, Clock, CorporateAction

_ANYTHING = (-inf, inf)


class TimeSlice(Struct, frozen=True):
    """Everything that becomes known at one moment, published as one unit.

    `ts_ns` is that moment (for bars: the END of their interval) and strictly increases from
    slice to slice. `messages` are sorted by (type, symbol), at most one of each (their ids rest on
    it), and end with a `Clock` of `ts_ns`.
    """

    ts_ns: int
    messages: tuple[Message, ...]


class Source(Protocol):
    """A replayable origin: the same slices every time."""

    def slices(self, after_ns: int) -> Iterator[TimeSlice]:
        """Yield the slices later than `after_ns`, in order; DataError when the data is bad."""
        ...

    @property
    def total(self) -> int | None:
        """How many bars there are in all, for a progress bar; None when endless."""
        ...


class Block(NamedTuple):
    """Consecutive slices of bars and a clock as columns, cheap to make: n slices, m bars.

    `ts_ns` (n,) is the time of each slice, `first` (n + 1,) where its bars begin; `bars` (m,) are
    the bars, `closes` (m,) their closes, `bar_ts_ns` (m,) the times of their slices. `turns` are
    the slices, ascending, whose clock names another session or state of the market than the one
    before, or that hold `actions` (by slice; they stand before the bars).

    `offsets` (n + 1,) says how many messages of the block stand before each slice when nobody
    speaks: actions, bars, clocks, and the longer bars that a clock completes where no aggregator
    makes them because no actor reads them; they take sequence numbers all the same.
    """

    symbols: Sequence[str]
    ts_ns: Sequence[int]
    first: Sequence[int]
    bars: Sequence[Bar]
    closes: Sequence[float]
    bar_ts_ns: Sequence[int]
    offsets: Sequence[int]
    turns: Sequence[int]
    actions: Mapping[int, Sequence[CorporateAction]]

    def first_outside(self, begin: int, end: int, bounds: Bounds) -> int:
        """Return the first slice in [begin, end) with a close outside of `bounds`, else `end`."""
        row, last = self.first[begin], self.first[end]
        if len(self.symbols) == 1 and row < last:
            low, high = bounds.get(self.symbols[0], _ANYTHING)
            closes = self.closes[row:last]
            if low <= min(closes) and max(closes) <= high:
                return end
        for bar in self.bars[row:last]:
            found = bounds.get(bar.symbol)
            if found is not None and not found[0] <= bar.close <= found[1]:
                return bisect_right(self.first, row) - 1
            row += 1
        return end


class Blocks(Protocol):
    """A source of bars in blocks: the same as its slices, in the same order."""

    def __iter__(self) -> Iterator[Block]:
        """Yield the blocks."""
        ...

    def clock(self, ts_ns: int) -> Clock:
        """Return the clock that ends a slice."""
        ...


def key_of(message: Message | None, ts_ns: int) -> str:
    """Return a feed message's identity at its origin: the same slice makes the same ids."""
    return f"{type(message).__name__}/{getattr(message, 'symbol', '')}/{ts_ns}"
