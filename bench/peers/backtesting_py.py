"""backtesting.py: indicators computed for all bars at once, decisions bar by bar."""

import time
from importlib.metadata import version

import pandas as pd
from backtesting import Backtest, Strategy

from bench.peers.told import Told, bars_of, main


class Crossover(Strategy):
    """Long while the fast average is above the slow one, with a tenth of the account."""

    fast = 10
    slow = 20

    def init(self) -> None:
        """Compute both averages."""
        close = self.data.Close.s
        self.fast_average = self.I(lambda: close.ewm(span=self.fast, adjust=False).mean())
        self.slow_average = self.I(lambda: close.ewm(span=self.slow, adjust=False).mean())

    def next(self) -> None:
        """Compare them."""
        if self.fast_average[-1] > self.slow_average[-1]:
            if not self.position:
                self.buy(size=0.1)
        elif self.position:
            self.position.close()


def run(path: str, fast: int, slow: int) -> Told:
    """Play a file; orders fill at the next bar's open, a basis point of commission is paid."""
    bars = bars_of(path)
    frame = pd.DataFrame(
        {name: bars[name.lower()] for name in ("Open", "High", "Low", "Close", "Volume")}
    ).set_axis(pd.DatetimeIndex(bars["ts"]), axis=0)
    engine = Backtest(frame, Crossover, cash=10_000_000, commission=0.0001, finalize_trades=True)
    began_s = time.process_time()
    stats = engine.run(fast=fast, slow=slow)
    took_s = time.process_time() - began_s
    name = f"backtesting.py {version('backtesting')}"
    return Told(name, len(frame), took_s, int(stats["# Trades"]))


if __name__ == "__main__":
    main(run)
