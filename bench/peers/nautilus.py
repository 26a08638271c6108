"""NautilusTrader: its engine in Rust and Cython, the strategy in Python."""

import time
from decimal import Decimal
from importlib.metadata import version

import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

from bench.peers.told import Told, bars_of, main


class CrossoverConfig(StrategyConfig, frozen=True):  # type: ignore[call-arg]
    """What and how."""

    instrument_id: InstrumentId
    bar_type: BarType
    fast: int
    slow: int


class Crossover(Strategy):
    """Long while the fast average is above the slow one."""

    def __init__(self, config: CrossoverConfig) -> None:
        """Make both averages."""
        super().__init__(config)
        self.fast_average = ExponentialMovingAverage(config.fast)
        self.slow_average = ExponentialMovingAverage(config.slow)

    def on_start(self) -> None:
        """Subscribe."""
        self.instrument = self.cache.instrument(self.config.instrument_id)
        self.register_indicator_for_bars(self.config.bar_type, self.fast_average)
        self.register_indicator_for_bars(self.config.bar_type, self.slow_average)
        self.subscribe_bars(self.config.bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Compare them."""
        if not self.slow_average.initialized:
            return
        is_flat = self.portfolio.is_flat(self.config.instrument_id)
        if self.fast_average.value > self.slow_average.value:
            if is_flat:
                size = self.instrument.make_qty(Decimal(1_000))
                order = self.order_factory.market(bar.bar_type.instrument_id, OrderSide.BUY, size)
                self.submit_order(order)
        elif not is_flat:
            self.close_all_positions(self.config.instrument_id)


def run(path: str, fast: int, slow: int) -> Told:
    """Play a file; orders fill at the last close, which these bars open with next; a basis point
    of commission is paid.
    """
    bars = bars_of(path)
    frame = pd.DataFrame(bars).set_index("ts")
    engine = BacktestEngine(BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(
        Venue("XNAS"),
        OmsType.NETTING,
        AccountType.CASH,
        [Money(10_000_000, USD)],
        base_currency=USD,
    )
    share = _share()
    engine.add_instrument(share)
    bar_type = BarType.from_str(f"{share.id}-1-MINUTE-LAST-EXTERNAL")
    engine.add_data(BarDataWrangler(bar_type, share).process(frame))
    config = CrossoverConfig(instrument_id=share.id, bar_type=bar_type, fast=fast, slow=slow)
    engine.add_strategy(Crossover(config))
    began_s = time.process_time()
    engine.run()
    took_s = time.process_time() - began_s
    trades = len(engine.cache.positions_closed()) + len(engine.cache.position_snapshots())
    return Told(f"NautilusTrader {version('nautilus_trader')}", len(frame), took_s, trades)


def _share() -> Equity:
    fee = Decimal("0.0001")
    return Equity(
        instrument_id=InstrumentId(Symbol("S000"), Venue("XNAS")),
        raw_symbol=Symbol("S000"),
        currency=USD,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        lot_size=Quantity.from_int(1),
        ts_event=0,
        ts_init=0,
        maker_fee=fee,
        taker_fee=fee,
    )


if __name__ == "__main__":
    main(run)
