"""A working strategy in ten lines. Run it: `tapedeck up --strategy examples/my_crossover.py`."""
# ruff: noqa: ANN001, ANN201, D101, INP001 - an author need not annotate what he overrides

from services.strategy import Strategy


class MyCrossover(Strategy):
    fast: int = 10
    slow: int = 20

    def on_bar(self, bar):
        fast, slow = self.ema(bar.symbol, self.fast), self.ema(bar.symbol, self.slow)
        if fast > slow:
            self.buy(bar.symbol, reason="fast average above slow", values={"fast": fast})
        elif fast < slow:
            self.exit(bar.symbol, reason="fast average below slow", values={"fast": fast})
