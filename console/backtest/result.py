"""What a backtest found, as columns: the engine makes it, everything else reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shared.domain.values import Intent, Side

type Floats = NDArray[np.float64]
type Times = NDArray[np.int64]  # nanoseconds since 1970, UTC


class Fill(Struct, frozen=True, kw_only=True):
    """One execution as booked. `fees` are what it cost besides the price, never negative;
    `fee_parts` say how much of it is `commission`, and which fees the rest is.

    `reference` is the price of the symbol when the order was sent, so that slippage can be told
    from the market's move; None when there was none.
    """

    seq: int
    ts_ns: int
    strategy_id: str
    order_id: str
    symbol: str
    side: Side
    intent: Intent
    quantity: Decimal
    price: Decimal
    fees: Decimal
    reference: float | None = None
    fee_parts: Mapping[str, Decimal] = msgspec.field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """The account after each time slice and everything it caused; all columns are (n,).

    `session` numbers the exchange session of each slice, an index into `sessions` (ISO dates).
    `gross` is the market value of all positions, long and short added up.
    """

    times_ns: Times
    equity: Floats
    cash: Floats
    gross: Floats
    session: NDArray[np.int32]
    sessions: Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """One symbol's closes, (n,), at the ends of its bars, as they were traded.

    `splits` are (time, new shares for one old), in the order of time.
    """

    times_ns: Times
    close: Floats
    splits: Sequence[tuple[int, float]] = ()

    @property
    def adjusted(self) -> Floats:
        """The closes, (n,), of shares as there are at the end: what a split makes of them is no
        loss.
        """
        close = self.close
        for ts_ns, ratio in self.splits:
            close = np.where(self.times_ns < ts_ns, close / ratio, close)
        return close

    def at(self, times_ns: Times) -> Floats:
        """Return the newest close at each time, for a share of that time; 0 before the first."""
        place = np.searchsorted(self.times_ns, times_ns, "right") - 1
        known_ns = self.times_ns[np.maximum(place, 0)]
        close = np.where(place >= 0, self.close[np.maximum(place, 0)], 0.0)
        for ts_ns, ratio in self.splits:
            close = np.where((known_ns < ts_ns) & (ts_ns <= times_ns), close / ratio, close)
        return close


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A run. `document` holds the keys that `tapedeck up --until-done --json` prints; `charges`
    what the account paid that belongs to no execution, by kind (`borrow`, `interest`).

    `is_complete` is False when the run was interrupted: everything is then as of that moment.
    """

    document: Mapping[str, object]
    starting_cash: Decimal
    currency: str
    curve: Curve
    prices: Mapping[str, Prices]
    fills: Sequence[Fill]
    charges: Mapping[str, Decimal] = field(default_factory=dict)
    is_complete: bool = True
