"""The bar aggregator as a conversation: trades or bars in, a clock, bars out."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from services.data.core import BarAggregator
from shared.core import Stamp
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.market import Bar, Clock, Quote, QuoteTick, Trade, TradeTick
from shared.subjects import lane

MINUTE = 60 * NS_PER_S
OPEN = int(datetime(2026, 1, 5, 14, 30, tzinfo=UTC).timestamp()) * NS_PER_S
CLOSE = OPEN + 390 * MINUTE


def aggregator(
    *timeframes: Timeframe, native: Timeframe | None = None, grace_s: float = 0.0
) -> BarAggregator:
    return BarAggregator(feed="test", native=native, timeframes=timeframes, grace_s=grace_s)


def tell(core: BarAggregator, message: Message, ts_ns: int = OPEN) -> list[Bar]:
    stamp = Stamp(seq=1, ts_ns=ts_ns, lane=lane("data", "test"), id="i", correlation_id="i")
    answers = core.handle(stamp, message)
    assert all(isinstance(answer, Bar) for answer in answers)
    return [answer for answer in answers if isinstance(answer, Bar)]


def trade(symbol: str, *ticks: tuple[float, float, float]) -> Trade:
    """Ticks as (seconds after the open, price, size)."""
    made = tuple(
        TradeTick(OPEN + int(s * NS_PER_S), price, float(size)) for s, price, size in ticks
    )
    return Trade(symbol=symbol, ticks=made)


def minute(symbol: str, index: int, price: float, volume: float = 10.0, **more: float) -> Bar:
    return Bar(
        symbol=symbol,
        timeframe=Timeframe.M1,
        start_ns=OPEN + index * MINUTE,
        open=price,
        high=more.get("high", price),
        low=more.get("low", price),
        close=more.get("close", price),
        volume=volume,
        vwap=more.get("vwap"),
    )


def clock(ts_ns: int) -> Clock:
    return Clock(ts_ns=ts_ns)


def seen(bars: Sequence[Bar]) -> list[tuple[str, str, int]]:
    return [(b.timeframe.value, b.symbol, (b.start_ns - OPEN) // MINUTE) for b in bars]


def test_trades_become_a_bar_when_the_clock_passes_its_end() -> None:
    core = aggregator(Timeframe.M1)
    tell(core, trade("SPY", (0, 10.0, 100), (20, 12.0, 100), (30, 9.0, 50), (59.9, 11.0, 50)))
    assert tell(core, clock(OPEN + MINUTE - 1)) == []
    assert tell(core, clock(OPEN + MINUTE)) == [
        Bar(
            symbol="SPY",
            timeframe=Timeframe.M1,
            start_ns=OPEN,
            open=10.0,
            high=12.0,
            low=9.0,
            close=11.0,
            volume=300.0,
            vwap=(1000 + 1200 + 450 + 550) / 300,
            trades=4,
        )
    ]
    assert tell(core, clock(OPEN + 2 * MINUTE)) == []


def test_longer_bars_are_built_from_shorter_native_ones() -> None:
    core = aggregator(Timeframe.M5, Timeframe.M15, native=Timeframe.M1)
    assert core.reads == ("data.test.bar.1m.>", "data.test.clock")
    bars: list[Bar] = []
    for i in range(15):
        tell(core, minute("SPY", i, 10.0 + i, high=20.0 + i, low=5.0 - i / 10, close=11.0 + i))
        bars += tell(core, clock(OPEN + (i + 1) * MINUTE))
    assert seen(bars) == [("5m", "SPY", 0), ("5m", "SPY", 5), ("5m", "SPY", 10), ("15m", "SPY", 0)]
    last = bars[-1]
    assert (last.open, last.high, last.low, last.close) == (10.0, 34.0, 3.6, 25.0)
    assert last.volume == 150.0
    assert last.vwap is None
    assert last.trades is None


def test_one_burst_shorter_first_symbols_in_order_whatever_the_arrival() -> None:
    core = aggregator(Timeframe.M5, Timeframe.M15, native=Timeframe.M1)
    for symbol in ("SPY", "AAPL", "QQQ"):
        tell(core, minute(symbol, 14, 10.0))
    assert seen(tell(core, clock(OPEN + 15 * MINUTE))) == [
        ("5m", "AAPL", 10),
        ("5m", "QQQ", 10),
        ("5m", "SPY", 10),
        ("15m", "AAPL", 0),
        ("15m", "QQQ", 0),
        ("15m", "SPY", 0),
    ]


def test_only_symbols_that_traded_get_a_bar() -> None:
    core = aggregator(Timeframe.M1)
    tell(core, trade("SPY", (5, 10.0, 1)))
    tell(core, clock(OPEN + MINUTE))
    tell(core, trade("QQQ", (65, 10.0, 1)))
    assert seen(tell(core, clock(OPEN + 2 * MINUTE))) == [("1m", "QQQ", 1)]


def test_a_trade_of_the_next_bucket_before_the_clock_does_not_enter_the_old_bar() -> None:
    core = aggregator(Timeframe.M1)
    tell(core, trade("SPY", (59, 10.0, 1), (60, 99.0, 1)))
    tell(core, trade("SPY", (59.5, 11.0, 1)))  # late to come, but its bucket is open still
    (first,) = tell(core, clock(OPEN + MINUTE))
    assert (first.high, first.close) == (11.0, 11.0)
    (second,) = tell(core, clock(OPEN + 2 * MINUTE))
    assert second.open == 99.0


def test_a_late_trade_is_counted_and_changes_nothing() -> None:
    core = aggregator(Timeframe.M1, Timeframe.M5)
    tell(core, trade("SPY", (59, 10.0, 1)))
    tell(core, clock(OPEN + MINUTE))
    tell(core, trade("SPY", (59.5, 50.0, 1)))
    assert core.late == 1
    (bar,) = tell(core, clock(OPEN + 5 * MINUTE))
    assert (bar.high, bar.volume) == (10.0, 1.0)


def test_a_trade_for_an_empty_bucket_that_has_passed_is_late_too() -> None:
    core = aggregator(Timeframe.M1)
    tell(core, clock(OPEN + 10 * MINUTE))
    tell(core, trade("SPY", (61, 10.0, 1)))
    assert core.late == 1
    assert tell(core, clock(OPEN + 11 * MINUTE)) == []


def test_grace_keeps_a_bucket_open_for_bars_that_come_after_its_end() -> None:
    core = aggregator(Timeframe.M5, native=Timeframe.M1, grace_s=2.0)
    tell(core, minute("SPY", 3, 10.0))
    assert tell(core, clock(OPEN + 5 * MINUTE)) == []
    tell(core, minute("SPY", 4, 12.0))
    (bar,) = tell(core, clock(OPEN + 5 * MINUTE + 2 * NS_PER_S))
    assert bar.close == 12.0


def test_the_session_is_the_daily_bar_and_extended_hours_are_not_in_it() -> None:
    core = aggregator(Timeframe.H1, Timeframe.D1, native=Timeframe.M1)
    bars: list[Bar] = []
    for index in (-30, -1, 0, 60, 389, 390):
        tell(core, minute("SPY", index, 100.0 + index))
        bars += tell(core, clock(OPEN + (index + 1) * MINUTE))
    bars += tell(core, clock(CLOSE + 60 * MINUTE))
    assert seen(bars) == [
        ("1h", "SPY", -30),
        ("1h", "SPY", 0),
        ("1h", "SPY", 60),
        ("1h", "SPY", 360),
        ("1d", "SPY", 0),
        ("1h", "SPY", 390),
    ]
    daily = bars[-2]
    assert (daily.open, daily.close, daily.volume) == (100.0, 489.0, 30.0)


def test_the_average_price_is_weighted_by_volume_where_the_bars_state_one() -> None:
    core = aggregator(Timeframe.M5, native=Timeframe.M1)
    tell(core, minute("SPY", 0, 10.0, 100.0, vwap=10.0))
    tell(core, minute("SPY", 1, 20.0, 300.0, vwap=20.0))
    tell(core, minute("SPY", 2, 30.0, 0.0))
    (bar,) = tell(core, clock(OPEN + 5 * MINUTE))
    assert bar.vwap == 17.5


def test_one_bar_without_an_average_price_leaves_the_longer_one_without() -> None:
    core = aggregator(Timeframe.M5, native=Timeframe.M1)
    tell(core, minute("SPY", 0, 10.0, 100.0, vwap=10.0))
    tell(core, minute("SPY", 1, 20.0, 300.0))
    (bar,) = tell(core, clock(OPEN + 5 * MINUTE))
    assert bar.vwap is None


def test_the_native_timeframe_and_shorter_ones_are_not_built() -> None:
    core = aggregator(*Timeframe, native=Timeframe.M15)
    assert core.timeframes == (Timeframe.H1, Timeframe.D1)


def test_an_aggregator_of_daily_bars_has_nothing_to_say() -> None:
    core = aggregator(*Timeframe, native=Timeframe.D1)
    tell(core, minute("SPY", 0, 10.0))
    assert tell(core, clock(CLOSE)) == []


def test_other_messages_are_not_answered() -> None:
    core = aggregator(Timeframe.M1)
    assert tell(core, Quote(symbol="SPY", ticks=(QuoteTick(OPEN, 1.0, 2.0, 1.0, 1.0),))) == []


def test_a_restored_aggregator_goes_on_as_if_nothing_had_happened() -> None:
    core, twin = (aggregator(Timeframe.M1, Timeframe.M5, Timeframe.D1) for _ in range(2))
    tell(core, trade("SPY", (1, 10.0, 3), (70, 12.0, 1)))
    tell(core, trade("AAPL", (1, 0.1, 3)))
    tell(core, clock(OPEN + MINUTE))
    twin.restore(core.snapshot())
    assert twin.snapshot() == core.snapshot()
    for now in (OPEN + 2 * MINUTE, OPEN + 5 * MINUTE, CLOSE):
        assert tell(twin, clock(now)) == tell(core, clock(now)) != []


def test_equal_states_give_equal_bytes_whatever_the_arrival() -> None:
    one, other = aggregator(Timeframe.M1), aggregator(Timeframe.M1)
    for core, symbols in ((one, ("A", "B")), (other, ("B", "A"))):
        for symbol in symbols:
            tell(core, trade(symbol, (1, 10.0, 1)))
    assert one.snapshot() == other.snapshot()


@pytest.mark.parametrize("state", [b"", b"{}", b'{"source":1,"stages":[]}'])
def test_a_state_that_is_none_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="not a state of the bar aggregator"):
        aggregator(Timeframe.M1).restore(state)


def test_a_state_of_other_bars_is_refused() -> None:
    state = aggregator(Timeframe.M5, native=Timeframe.M1).snapshot()
    with pytest.raises(ValueError, match=r"5m from data\.test\.bar\.1m"):
        aggregator(Timeframe.M5).restore(state)


def test_the_configuration_says_what_the_bars_depend_on() -> None:
    assert aggregator(Timeframe.M5, native=Timeframe.M1, grace_s=1.5).configuration == {
        "source": "data.test.bar.1m.>",
        "timeframes": ["5m"],
        "grace_ns": 1_500_000_000,
    }
    assert aggregator(Timeframe.M5).lane == lane("data", "bars")
