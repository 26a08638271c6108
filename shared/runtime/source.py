"""Where market data comes from when one writer plays it: a file or the simulated market."""

from collections.abc import Iterator
from typing import Protocol

from msgspec import Struct

from shared.messages.base import Message


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
