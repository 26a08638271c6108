"""Average true range.

Source of the formula: Wilder, "New Concepts in Technical Trading Systems" (1978), section III.
"""

import math

from msgspec import Struct, field

from services.strategy.indicators.moving import require_period
from shared.messages.market import Bar


class Atr(Struct):
    """Wilder's average of the true range, in price units; `true_range` is the last bar's.

    The first bar has no previous close and so no true range; the average starts as the mean of
    the next `period` ranges.
    """

    period: int = 14
    value: float = math.nan
    true_range: float = math.nan
    last_close: float = math.nan
    seed: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        require_period(self.period)

    def rescale(self, factor: float) -> None:
        """Carry the state over a split: prices from here on are `factor` times as high."""
        self.value *= factor
        self.true_range *= factor
        self.last_close *= factor
        self.seed = [true_range * factor for true_range in self.seed]

    def feed(self, bar: Bar) -> None:
        """Take one bar."""
        self.update(bar.high, bar.low, bar.close)

    def update(self, high: float, low: float, close: float) -> float:
        """Take one bar's prices and return the average."""
        before, self.last_close = self.last_close, close
        if math.isnan(before):
            return self.value
        self.true_range = max(high - low, abs(high - before), abs(low - before))
        if math.isnan(self.value):
            self._sow()
        else:
            self.value = (self.value * (self.period - 1) + self.true_range) / self.period
        return self.value

    def _sow(self) -> None:
        self.seed.append(self.true_range)
        if len(self.seed) == self.period:
            self.value = math.fsum(self.seed) / self.period
            self.seed = []
