"""Real market data: what loads, what is refused and why, and bars rebuilt from real trades.

Where a file is absent its tests are skipped (`tests/real_data.py`).
"""

from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from services.data.core import BarAggregator
from services.data.files.source import FileSource
from shared.core import Stamp
from shared.domain.errors import DataError
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, Clock, Trade, TradeTick
from shared.subjects import lane
from tests.real_data import real

MINUTE = 60 * NS_PER_S


@pytest.mark.parametrize(
    ("name", "timeframe", "bars"),
    [
        ("bars_15min/alpaca_iex_2025-2026.parquet", Timeframe.M15, 31_121),
        ("bars_1min/alphavantage_2019-02.parquet", Timeframe.M1, 20_387),
        ("bars_1min/lean_tradebars.parquet", Timeframe.M1, 11_376),
        ("bars_1min/ninjatrader_SPY_2011.parquet", Timeframe.M1, 14_180),
        ("bars_1min/yahoo_2025-05.parquet", Timeframe.M1, 7_775),
        ("bars_1min/yahoo_ext_2024-08.parquet", Timeframe.M1, 16_513),
        ("bars_1sec/lean_tradebars.parquet", Timeframe.S1, 120_731),
        ("daily/alpaca_iex_2025-2026.parquet", Timeframe.D1, 1_076),
        ("daily/lean_daily_raw.parquet", Timeframe.D1, 24_767),
    ],
)
def test_sound_files_load_and_play_to_the_last_bar(
    name: str, timeframe: Timeframe, bars: int
) -> None:
    source = FileSource([real(name)])
    assert (source.timeframe, source.total) == (timeframe, bars)
    before_ns = played = 0
    for part in source.slices(0):
        assert part.ts_ns > before_ns
        before_ns = part.ts_ns
        played += len(part.messages) - 1
    assert played == bars


def test_a_file_with_bars_of_an_unfinished_day_is_refused() -> None:
    """Its last day was recorded while the market was open: opens lie up to 0.9 % out of range."""
    path = real("daily/sp500_yahoo_2012-2017.parquet")
    with pytest.raises(DataError, match=r"row 62983 \(CME\): high is 152\.759995, below"):
        FileSource([path])


@pytest.mark.parametrize("symbol", ["BAC", "SPY"])
def test_minute_bars_built_from_real_trades_equal_the_vendor_s(symbol: str) -> None:
    """A plain rule cannot equal a vendor's condition filter in every minute; in most it must."""
    ours = rebuilt(real("ticks/lean_trades.parquet"), symbol)
    vendor = {
        bar.start_ns: bar
        for part in FileSource([real("bars_1min/lean_tradebars.parquet")]).slices(0)
        for bar in part.messages
        if isinstance(bar, Bar) and bar.symbol == symbol
    }
    both = [(bar, vendor[bar.start_ns]) for bar in ours if bar.start_ns in vendor]
    assert len(both) > 500
    for name, least in (("close", 0.94), ("high", 0.94), ("low", 0.93), ("volume", 0.99)):
        equal = sum(abs(getattr(a, name) - getattr(b, name)) < 1e-9 for a, b in both)
        assert equal / len(both) > least, name


def rebuilt(path: Path, symbol: str) -> list[Bar]:
    """One day's minute bars from the trades that the vendor did not mark as suspicious."""
    day = datetime(2013, 10, 7, tzinfo=UTC)
    field = pc.field
    chosen = (
        (field("symbol") == symbol) & (field("ts") >= day) & (field("ts") < day + timedelta(days=1))
    )
    table = pq.read_table(path, filters=chosen)
    table = table.filter(pc.equal(table["suspicious"].cast("int64"), 0))
    times = [us * 1_000 for us in table["ts"].cast("int64").to_pylist()]
    rows = zip(times, table["price"].to_pylist(), table["size"].to_pylist(), strict=True)
    core = BarAggregator(feed="test", native=None, timeframes=[Timeframe.M1])
    bars: list[Message] = []
    for minute, group in groupby(rows, key=lambda row: row[0] // MINUTE):
        end_ns = (minute + 1) * MINUTE
        stamp = Stamp(seq=1, ts_ns=end_ns, lane=lane("data", "test"), id="", correlation_id="")
        made = tuple(TradeTick(ts_ns, price, float(size)) for ts_ns, price, size in group)
        core.handle(stamp, Trade(symbol=symbol, ticks=made))
        bars += core.handle(stamp, Clock(ts_ns=end_ns))
    assert core.late == 0
    return [bar for bar in bars if isinstance(bar, Bar)]
