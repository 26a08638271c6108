"""A strategy for measuring: wants something on every bar."""

from typing import override

from services.strategy import Strategy
from shared.messages.market import Bar


class EveryBar(Strategy):
    """Buys one share and sells it again, bar by bar."""

    @override
    def on_bar(self, bar: Bar) -> None:
        """Speak on every bar."""
        if self.position(bar.symbol) > 0:
            self.exit(bar.symbol)
        else:
            self.buy(bar.symbol, quantity=1)
