"""backtrader: its event loop over indicators that it computes itself."""

import time
from importlib.metadata import version

import backtrader as bt
import pandas as pd

from bench.peers.told import Told, bars_of, main


class Crossover(bt.Strategy):
    """Long while the fast average is above the slow one."""

    params = (("fast", 10), ("slow", 20))

    def __init__(self) -> None:
        """Make both averages."""
        self.fast_average = bt.ind.EMA(period=self.p.fast)
        self.slow_average = bt.ind.EMA(period=self.p.slow)
        self.closed = 0

    def notify_trade(self, trade: bt.Trade) -> None:
        """Count."""
        self.closed += trade.isclosed

    def next(self) -> None:
        """Compare them."""
        if self.fast_average[0] > self.slow_average[0]:
            if not self.position:
                self.buy(size=1_000)
        elif self.position:
            self.close()


def run(path: str, fast: int, slow: int) -> Told:
    """Play a file; orders fill at the next bar's open, a basis point of commission is paid."""
    bars = bars_of(path)
    frame = pd.DataFrame(bars).set_index("ts")
    engine = bt.Cerebro(stdstats=False)
    engine.adddata(bt.feeds.PandasData(dataname=frame))
    engine.addstrategy(Crossover, fast=fast, slow=slow)
    engine.broker.setcash(10_000_000)
    engine.broker.setcommission(commission=0.0001)
    began_s = time.process_time()
    (strategy,) = engine.run()
    took_s = time.process_time() - began_s
    return Told(f"backtrader {version('backtrader')}", len(frame), took_s, strategy.closed)


if __name__ == "__main__":
    main(run)
