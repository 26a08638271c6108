"""Round trips: from flat to flat, for each strategy and symbol.

Partial fills of one order, and adding to a position, belong to one round trip. A fill that turns
a position around ends one and begins the next. A split counts what was bought before it in new
shares, at their price.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from msgspec import Struct

from console.backtest.result import Fill
from shared.domain.positions import split_quantity
from shared.domain.values import ZERO


class Trade(Struct, frozen=True):
    """One round trip. Prices are averages, `quantity` is all that was opened, `profit` is money
    after `fees`. While `is_open`, the exit is the last price known and fees are those so far.
    """

    strategy_id: str
    symbol: str
    is_long: bool
    quantity: float
    entry_ns: int
    exit_ns: int
    entry_price: float
    exit_price: float
    profit: float
    fees: float
    is_open: bool = False

    @property
    def value(self) -> float:
        """What was put in, money."""
        return self.quantity * self.entry_price


class _Trip:
    """A position that is not flat."""

    def __init__(self, fill: Fill) -> None:
        self.first = fill
        self.held = self.opened = self.closed = ZERO
        self.paid = self.got = self.fees = ZERO

    def take(self, fill: Fill, quantity: Decimal, fees: Decimal) -> None:
        signed = fill.side.sign * quantity
        is_opening = not self.held or (self.held > 0) == (signed > 0)
        if is_opening:
            self.opened += quantity
            self.paid += quantity * fill.price
        else:
            self.closed += quantity
            self.got += quantity * fill.price
        self.held += signed
        self.fees += fees

    def split(self, ratio: float) -> None:
        self.held, self.opened, self.closed = (
            split_quantity(quantity, ratio) for quantity in (self.held, self.opened, self.closed)
        )


def round_trips(
    fills: Iterable[Fill],
    last_prices: Mapping[str, float],
    end_ns: int,
    splits: Mapping[str, Sequence[tuple[int, float]]] = MappingProxyType({}),
) -> list[Trade]:
    """Return the round trips in order of their ends; those still open come last.

    `splits` are (time, new shares for one old) by symbol, in the order of time.
    """
    trips: dict[tuple[str, str], _Trip] = {}
    done: list[Trade] = []
    to_come = {symbol: deque(found) for symbol, found in splits.items() if found}

    def split_until(ts_ns: int, symbol: str) -> None:
        while (due := to_come.get(symbol)) and due[0][0] <= ts_ns:
            _, ratio = due.popleft()
            for (_, held), trip in trips.items():
                if held == symbol:
                    trip.split(ratio)

    for fill in fills:
        split_until(fill.ts_ns, fill.symbol)
        key = (fill.strategy_id, fill.symbol)
        left = fill.quantity
        while left:
            trip = trips.get(key)
            if trip is None:
                trip = trips[key] = _Trip(fill)
            against = trip.held and (trip.held > 0) != (fill.side.sign > 0)
            part = min(left, abs(trip.held)) if against else left
            trip.take(fill, part, fill.fees * part / fill.quantity)
            left -= part
            if not trip.held:
                done.append(_ended(trip, fill.ts_ns))
                del trips[key]
    for symbol in to_come:
        split_until(end_ns, symbol)
    still = [
        _open(trip, last_prices.get(symbol, float(trip.paid / trip.opened)), end_ns)
        for (_, symbol), trip in trips.items()
    ]
    return done + still


def _ended(trip: _Trip, ts_ns: int) -> Trade:
    first, sign = trip.first, trip.first.side.sign
    return Trade(
        strategy_id=first.strategy_id,
        symbol=first.symbol,
        is_long=sign > 0,
        quantity=float(trip.opened),
        entry_ns=first.ts_ns,
        exit_ns=ts_ns,
        entry_price=float(trip.paid / trip.opened),
        exit_price=float(trip.got / trip.closed),
        profit=float(sign * (trip.got - trip.paid) - trip.fees),
        fees=float(trip.fees),
    )


def _open(trip: _Trip, price: float, end_ns: int) -> Trade:
    first, sign = trip.first, trip.first.side.sign
    worth = float(trip.got) + abs(float(trip.held)) * price
    return Trade(
        strategy_id=first.strategy_id,
        symbol=first.symbol,
        is_long=sign > 0,
        quantity=float(trip.opened),
        entry_ns=first.ts_ns,
        exit_ns=end_ns,
        entry_price=float(trip.paid / trip.opened),
        exit_price=price,
        profit=sign * (worth - float(trip.paid)) - float(trip.fees),
        fees=float(trip.fees),
        is_open=True,
    )
