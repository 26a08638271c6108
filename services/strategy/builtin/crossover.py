"""Moving average crossovers: long while the fast average is above the slow one, else flat.

Source of the rules: Murphy, "Technical Analysis of the Financial Markets" (1999), ch. 9. The
state of the averages decides, not the moment of the crossing: a signal that risk denied is
stated again with the next bar for as long as the averages stand so.
"""

from typing import Annotated, override

from services.strategy.author import Bounds, Strategy
from shared.messages.market import Bar

PERIOD_MAX = 10_000  # bars; more than a month of minutes

type Period = Annotated[int, Bounds(ge=1, le=PERIOD_MAX)]


class _Crossover(Strategy):
    """What both kinds have in common; the kind of average is theirs."""

    fast: Period = 10
    slow: Period = 20

    @override
    def on_start(self) -> None:
        """Refuse periods that can never cross as meant."""
        if self.fast >= self.slow:
            raise ValueError(f"fast must be below slow, was {self.fast} and {self.slow}")

    def follow(self, symbol: str, fast: float, slow: float) -> None:
        """Be long while `fast` is above `slow`, flat while it is below."""
        if fast > slow:
            if not self.position(symbol):
                self.buy(symbol, reason="fast average above slow", values=_seen(fast, slow))
        elif fast < slow and self.position(symbol):
            self.exit(symbol, reason="fast average below slow", values=_seen(fast, slow))


def _seen(fast: float, slow: float) -> dict[str, float]:
    return {"fast": fast, "slow": slow}


class EmaCrossover(_Crossover):
    """Crossover of two exponential moving averages."""

    @override
    def on_bar(self, bar: Bar) -> None:
        """Compare the averages."""
        symbol = bar.symbol
        self.follow(symbol, self.ema(symbol, self.fast), self.ema(symbol, self.slow))


class SmaCrossover(_Crossover):
    """Crossover of two simple moving averages."""

    fast: Period = 5
    slow: Period = 20

    @override
    def on_bar(self, bar: Bar) -> None:
        """Compare the averages."""
        symbol = bar.symbol
        self.follow(symbol, self.sma(symbol, self.fast), self.sma(symbol, self.slow))
