"""Strategies that talk a lot, so that two of them answer the same bars all day."""

from typing import override

from services.strategy import Strategy
from shared.messages.market import Bar
from shared.messages.orders import Filled


class Fidget(Strategy):
    """In and out on almost every bar, by the shape of the bar and what it holds."""

    patience: int = 2

    @override
    def on_start(self) -> None:
        self.bars: dict[str, int] = {}
        self.filled = 0

    @override
    def on_bar(self, bar: Bar) -> None:
        count = self.bars[bar.symbol] = self.bars.get(bar.symbol, 0) + 1
        self.note(count=float(count), average=self.sma(bar.symbol, 3))
        if self.position(bar.symbol):
            if count % self.patience == 0:
                self.exit(bar.symbol, reason=f"after {count} bars and {self.filled} fills")
        elif bar.close > bar.open:
            self.buy(bar.symbol, 5 + count % 7, reason="rises")
        elif bar.close < bar.open:
            self.sell(bar.symbol, 3 + count % 5, limit=round(bar.close * 0.999, 2), reason="falls")

    @override
    def on_fill(self, fill: Filled) -> None:
        self.filled += 1


class Tripping(Fidget):
    """The same, and raises now and then: contained, and in the end taken out of service."""

    @override
    def on_bar(self, bar: Bar) -> None:
        super().on_bar(bar)
        self.set_timer(bar.symbol, self.now_ns + 90 * 10**9)
        if sum(self.bars.values()) % 11 == 0:
            raise ArithmeticError("tripped")

    @override
    def on_timer(self, name: str, due_ns: int) -> None:
        self.exit(name, reason="held long enough")
