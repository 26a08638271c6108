"""Moving average convergence divergence.

Source of the formula: Appel, "Technical Analysis: Power Tools for Active Investors" (2005), ch. 8.
"""

import math
from typing import Self

from msgspec import Struct

from services.strategy.indicators.moving import Ema
from shared.messages.market import Bar


class Macd(Struct):
    """Fast minus slow exponential average (`value`), its own average (`signal`), in price units."""

    fast: Ema
    slow: Ema
    smooth: Ema
    value: float = math.nan

    @classmethod
    def of(cls, fast: int = 12, slow: int = 26, signal: int = 9) -> Self:
        """Return one with these periods; `fast` must be the shorter."""
        if fast >= slow:
            raise ValueError(f"the fast period must be below the slow one, was {fast} and {slow}")
        return cls(Ema(fast), Ema(slow), Ema(signal))

    @property
    def signal(self) -> float:
        """Average of `value`; NaN until there is one."""
        return self.smooth.value

    @property
    def histogram(self) -> float:
        """Distance of `value` from its average."""
        return self.value - self.smooth.value

    def rescale(self, factor: float) -> None:
        """Carry the state over a split: prices from here on are `factor` times as high."""
        self.value *= factor
        for average in (self.fast, self.slow, self.smooth):
            average.rescale(factor)

    def feed(self, bar: Bar) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def update(self, price: float) -> float:
        """Take one price and return the difference of the averages."""
        self.value = self.fast.update(price) - self.slow.update(price)
        if not math.isnan(self.value):
            self.smooth.update(self.value)
        return self.value
