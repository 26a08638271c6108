"""Relative strength index.

Source of the formula: Wilder, "New Concepts in Technical Trading Systems" (1978), section VI.
"""

import math

from msgspec import Struct, field

from services.strategy.indicators.moving import require_period
from shared.messages.market import Bar


class Rsi(Struct):
    """Share of rises in all movement, 0 to 100, smoothed over `period` changes by Wilder's rule.

    Without any fall in sight it is 100, also when nothing moved at all.
    """

    period: int = 14
    value: float = math.nan
    last: float = math.nan
    rise: float = math.nan
    fall: float = math.nan
    seed: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        require_period(self.period)

    def rescale(self, factor: float) -> None:
        """Carry the state over a split: prices from here on are `factor` times as high."""
        self.last *= factor
        self.rise *= factor
        self.fall *= factor
        self.seed = [change * factor for change in self.seed]

    def feed(self, bar: Bar) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def update(self, price: float) -> float:
        """Take one price and return the index."""
        change = price - self.last
        self.last = price
        if math.isnan(change):
            return self.value
        if math.isnan(self.rise):
            self._sow(change)
        else:
            n = self.period
            self.rise = (self.rise * (n - 1) + max(change, 0.0)) / n
            self.fall = (self.fall * (n - 1) + max(-change, 0.0)) / n
        if not math.isnan(self.rise):
            self.value = 100.0 - 100.0 / (1.0 + self.rise / self.fall) if self.fall else 100.0
        return self.value

    def _sow(self, change: float) -> None:
        self.seed.append(change)
        if len(self.seed) == self.period:
            self.rise = math.fsum(c for c in self.seed if c > 0) / self.period
            self.fall = math.fsum(-c for c in self.seed if c < 0) / self.period
            self.seed = []
