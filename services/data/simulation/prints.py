"""From a symbol's path to what a venue would print: trades and quotes, in cents."""

from collections.abc import Iterator
from math import sqrt
from random import Random

from msgspec import Struct

from services.data.simulation.days import SymbolDay
from services.data.simulation.paths import SymbolPath
from shared.messages.base import Message
from shared.messages.market import MarketStatus, Quote, QuoteTick, Trade, TradeTick

TICKS_MAX = 4  # trades of one symbol in one step; sizes carry the volume
HALT_S = 300
HALT_REASON = "volatility pause"
OPENING_AUCTION, CLOSING_AUCTION = 0.02, 0.06  # of the day's shares
NS_PER_MS = 1_000_000
CENT, LOT = 0.01, 100
# The last trade of a step stands near its end: a price from its middle would be half known before.
LATENESS = 0.2


class Interval(Struct, frozen=True):
    """One step of a session: (start_ns, end_ns]; `index` from 0."""

    index: int
    start_ns: int
    end_ns: int
    is_last: bool


class Printer:
    """One symbol's session, printed step by step."""

    def __init__(
        self, rng: Random, symbol: str, day: SymbolDay, path: SymbolPath, step_s: float
    ) -> None:
        self._rng = rng
        self._symbol = symbol
        self._day = day
        self._path = path
        steps = len(path.shares)
        self._halted_from, self._halted_to = steps, steps
        if day.halt_at is not None:
            pause = max(1, round(HALT_S / step_s))
            self._halted_from = int(day.halt_at * steps)
            self._halted_to = min(self._halted_from + pause, steps - 1)

    def step(self, interval: Interval) -> Iterator[Message]:
        """Yield what is printed in one step: quote, status, trade. Nothing while halted."""
        index = interval.index
        if self._halted_from <= index < self._halted_to:
            if index == self._halted_from:
                yield MarketStatus(symbol=self._symbol, halted=True, reason=HALT_REASON)
            return
        # Both draw from the same stream: keep their order.
        ticks = tuple(self._trades(interval))
        yield Quote(symbol=self._symbol, ticks=(self._quote(interval),))
        if index == self._halted_to:
            yield MarketStatus(symbol=self._symbol, halted=False)
        yield Trade(symbol=self._symbol, ticks=ticks)

    def _trades(self, interval: Interval) -> Iterator[TradeTick]:
        draw, index, path = self._rng.random, interval.index, self._path
        if index == 0:
            size = _round_lot(self._day.shares * OPENING_AUCTION)
            yield TradeTick(interval.start_ns, self._day.open, size)
        before, after = path.mids[index], path.mids[index + 1]
        half = self._half_spread(index)
        count = 1 + int(draw() * TICKS_MAX)
        each = path.shares[index] / count
        length_ns = interval.end_ns - interval.start_ns - 2 * NS_PER_MS
        for i in range(count):
            share = (i + 1 - LATENESS * draw()) / count
            side = half if draw() < 0.5 else -half
            price = max(CENT, round(before + share * (after - before) + side, 2))
            at_ns = interval.start_ns + NS_PER_MS + int(share * length_ns)
            yield TradeTick(at_ns, price, _round_lot(each * (0.4 + 1.2 * draw())))
        if interval.is_last:
            size = _round_lot(self._day.shares * CLOSING_AUCTION)
            yield TradeTick(interval.end_ns - 1, self._day.close, size)

    def _quote(self, interval: Interval) -> QuoteTick:
        draw = self._rng.random
        half = self._half_spread(interval.index)
        mid = self._day.close if interval.is_last else self._path.mids[interval.index + 1]
        bid = max(CENT, round(mid - half, 2))
        ask = max(round(mid + half, 2), round(bid + CENT, 2))
        sizes = (LOT * (1 + int(12 * draw() * draw())) for _ in range(2))
        return QuoteTick(interval.end_ns, bid, ask, float(next(sizes)), float(next(sizes)))

    def _half_spread(self, index: int) -> float:
        unrest = self._path.unrest[index]
        spread_bps = self._day.profile.spread_bps * unrest * sqrt(unrest)
        return max(CENT / 2, self._path.mids[index + 1] * spread_bps / 20_000)


def _round_lot(shares: float) -> float:
    """Round to whole lots, small numbers to whole shares; at least one."""
    return float(max(1, round(shares)) if shares < LOT else LOT * round(shares / LOT))
