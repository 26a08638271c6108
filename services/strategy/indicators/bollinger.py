"""Bollinger bands.

Source of the formula: Bollinger, "Bollinger on Bollinger Bands" (2001), ch. 7: a simple average
and the population's standard deviation around it.
"""

import math

from msgspec import Struct, field

from services.strategy.indicators.moving import require_period
from shared.messages.market import Bar


class Bollinger(Struct):
    """A simple average of `period` prices (`value`) and bands `width` deviations away from it."""

    period: int = 20
    width: float = 2.0
    value: float = math.nan
    deviation: float = math.nan
    window: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        require_period(self.period)

    @property
    def upper(self) -> float:
        """Price of the upper band."""
        return self.value + self.width * self.deviation

    @property
    def lower(self) -> float:
        """Price of the lower band."""
        return self.value - self.width * self.deviation

    def rescale(self, factor: float) -> None:
        """Carry the state over a split: prices from here on are `factor` times as high."""
        self.value *= factor
        self.deviation *= factor
        self.window = [price * factor for price in self.window]

    def feed(self, bar: Bar) -> None:
        """Take the close of a bar."""
        self.update(bar.close)

    def update(self, price: float) -> float:
        """Take one price and return the middle band."""
        window = self.window
        window.append(price)
        if len(window) > self.period:
            del window[0]
        if len(window) == self.period:
            self.value = math.fsum(window) / self.period
            squares = math.fsum((x - self.value) * (x - self.value) for x in window)
            self.deviation = math.sqrt(squares / self.period)
        return self.value
