"""Where market data comes from when one writer plays it: a file or the simulated market."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from shared.messages.base import Message
from shared.messages.market import Bar, Clock, CorporateAction


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


type Moment = tuple[int, Sequence[Bar], bool, int, Sequence[CorporateAction]]
"""A `TimeSlice` of bars and a clock, cheap to make: (ts_ns, bars, turns, unread, actions).

`turns` says that its clock names another session or state of the market than the one before, or
that there are `actions`, which stand before the bars.
`unread` counts the longer bars that its clock completes and no actor of the desk reads, where no
aggregator makes them: they take sequence numbers, so that the tape's stay what they would be.
"""


class Moments(Protocol):
    """A source of bars as moments: the same as its slices, in the same order."""

    def __iter__(self) -> Iterator[Moment]:
        """Yield the moments."""
        ...

    def clock(self, ts_ns: int) -> Clock:
        """Return the clock that ends the slice of a moment."""
        ...


def key_of(message: Message | None, ts_ns: int) -> str:
    """Return a feed message's identity at its origin: the same slice makes the same ids."""
    return f"{type(message).__name__}/{getattr(message, 'symbol', '')}/{ts_ns}"
