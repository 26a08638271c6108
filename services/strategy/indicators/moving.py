"""Moving averages.

Source of the formulas: Murphy, "Technical Analysis of the Financial Markets" (1999), ch. 9. The
exponential average starts from the simple average of its first `period` values.
"""

import math

from msgspec import Struct, field

from shared.messages.market import Bar


class Sma(Struct):
    """Simple moving average of the last `period` values."""

    period: int
    value: float = math.nan
    window: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        require_period(self.period)

    def rescale(self, factor: float) -> None:
        """Carry the state over a split: prices from here on are `factor` times as high."""
        self.value *= factor
        self.window = [price * factor for price in self.window]

    def feed(self, bar: Bar) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def update(self, price: float) -> float:
        """Take one price and return the average."""
        window = self.window
        window.append(price)
        if len(window) > self.period:
            del window[0]
        if len(window) == self.period:
            self.value = math.fsum(window) / self.period
        return self.value


class Ema(Struct):
    """Exponential moving average with the weight 2 / (period + 1)."""

    period: int
    value: float = math.nan
    seed: list[float] = field(default_factory=list)
    alpha: float = 0.0

    def __post_init__(self) -> None:
        require_period(self.period)

    def rescale(self, factor: float) -> None:
        """Carry the state over a split: prices from here on are `factor` times as high."""
        self.value *= factor
        self.seed = [price * factor for price in self.seed]

    def feed(self, bar: Bar) -> None:
        """Take the close of a bar."""
        # `update` is repeated here because this line runs once for every bar of a backtest.
        if self.alpha:
            self.value += self.alpha * (bar.close - self.value)
        else:
            self._sow(bar.close)

    def update(self, price: float) -> float:
        """Take one price and return the average."""
        if self.alpha:
            self.value += self.alpha * (price - self.value)
        else:
            self._sow(price)
        return self.value

    def _sow(self, price: float) -> None:
        self.seed.append(price)
        if len(self.seed) == self.period:
            self.value = math.fsum(self.seed) / self.period
            self.alpha = 2.0 / (self.period + 1)
            self.seed = []


def require_period(period: int) -> None:
    """Raise ValueError unless `period` is a whole number of at least 1."""
    if period < 1:
        raise ValueError(f"a period is at least 1, was {period}")
