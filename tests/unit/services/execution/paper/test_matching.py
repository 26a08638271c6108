"""Small tapes, fill by fill, against numbers worked out by hand.

Prices in the comments are what pessimism asks for: 5 basis points of spread for whoever takes
liquidity, half the bar's range times the root of the part of the volume taken, up to the cent
for a buyer and down for a seller.
"""

from decimal import Decimal

import pytest

from services.execution.config import PaperSettings
from services.execution.paper.core import PaperBroker
from shared.domain.sessions import session_of_date
from shared.domain.values import NS_PER_S, OrderType, Side, Timeframe, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Report
from shared.messages.market import Bar, MarketStatus
from tests.unit.services.execution.talk import FILE, MINUTE_NS, BrokerTalk, fills, kinds, shares

SPREAD = PaperSettings(slippage_model="spread")
STOP = {"order_type": OrderType.STOP}


def _session(talk: BrokerTalk, day: str) -> None:
    """The exchange opens on that day."""
    session = session_of_date(day)
    assert session is not None
    talk.now_ns = session.open_ns
    talk.clock(day)


def _at(talk: BrokerTalk, day: str, minutes_before_close: int) -> None:
    session = session_of_date(day)
    assert session is not None
    talk.now_ns = session.close_ns - minutes_before_close * MINUTE_NS


def _bar(talk: BrokerTalk, opened: float, high: float, low: float, close: float) -> list[Message]:
    start_ns = talk.now_ns
    talk.now_ns += MINUTE_NS
    made = Bar(
        symbol="AAPL",
        timeframe=Timeframe.M1,
        start_ns=start_ns,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=10_000.0,
    )
    return talk.say(FILE, made)


def _ids(answer: list[Message]) -> list[str]:
    return [m.client_order_id for m in answer if isinstance(m, Report) and m.kind == "fill"]


def test_a_large_order_takes_the_share_of_each_bar_and_pays_for_its_size() -> None:
    talk = BrokerTalk()
    talk.submit(Side.BUY, 250)
    # 10 % of 1,000: 100 shares. 100 * 1.0005 + 0.5 * 2 * sqrt(0.1) = 100.05 + 0.3162 = 100.37
    assert fills(talk.bar(100.0, 101.0, 99.0, 1_000.0)) == [shares(100, "100.37")]
    # 101 * 1.0005 + 0.5 * 1 * sqrt(0.1) = 101.0505 + 0.1581 = 101.2086
    assert fills(talk.bar(101.0, 101.5, 100.5, 1_000.0)) == [shares(100, "101.21")]
    # the last 50 of 4,000: 99 * 1.0005 + 0.5 * 4 * sqrt(0.0125) = 99.0495 + 0.2236 = 99.2731
    assert fills(talk.bar(99.0, 101.0, 97.0, 4_000.0)) == [shares(50, "99.28")]
    assert talk.bar() == []


def test_of_a_stop_and_a_limit_on_one_bar_the_worse_comes_first() -> None:
    talk = BrokerTalk(SPREAD)
    talk.submit(Side.BUY, 100)
    talk.bar(100.0)
    talk.submit(Side.SELL, 100, "105")  # o2, the profit that was hoped for
    talk.submit(Side.SELL, 100, trigger_price=Decimal(95), **STOP)  # o3
    got = _bar(talk, 100.0, 106.0, 94.0, 101.0)
    assert _ids(got) == ["o3", "o2"]
    # 95 * 0.9995 = 94.9525, down to the cent; then the limit, at the limit
    assert fills(got) == [shares(100, "94.95"), shares(100, "105")]


def test_a_gap_through_a_stop_fills_at_the_open() -> None:
    talk = BrokerTalk(SPREAD)
    talk.submit(Side.BUY, 100)
    talk.bar(100.0)
    talk.submit(Side.SELL, 100, trigger_price=Decimal(95), **STOP)
    assert fills(_bar(talk, 97.0, 98.0, 96.0, 97.0)) == []
    # 90 * 0.9995 = 89.955
    assert fills(_bar(talk, 90.0, 99.0, 89.0, 98.0)) == [shares(100, "89.95")]


def test_a_gap_through_a_limit_fills_at_the_open_and_pays_for_taking_it() -> None:
    talk = BrokerTalk(SPREAD)
    talk.submit(Side.BUY, 100, "98")
    # 95 * 1.0005 = 95.0475
    assert fills(_bar(talk, 95.0, 99.0, 94.0, 98.0)) == [shares(100, "95.05")]


def test_a_stop_limit_that_was_triggered_waits_for_its_limit() -> None:
    talk = BrokerTalk(SPREAD)
    wish = {"order_type": OrderType.STOP_LIMIT, "trigger_price": Decimal(102)}
    talk.submit(Side.BUY, 100, "102", **wish)
    assert _bar(talk, 100.0, 101.0, 99.0, 100.0) == []
    # 102 is met, but 102 * 1.0005 is beyond the limit, and what came after within the bar is
    # not known: it rests.
    assert _bar(talk, 101.0, 103.0, 100.0, 102.5) == []
    assert talk.core.state.resting["AAPL"][0].is_triggered
    assert fills(_bar(talk, 103.0, 104.0, 101.9, 103.0)) == [shares(100, "102")]


def test_a_stop_that_fills_in_parts_goes_on_as_a_market_order() -> None:
    talk = BrokerTalk(SPREAD)
    talk.submit(Side.BUY, 1_500, trigger_price=Decimal(11), **STOP)
    assert fills(_bar(talk, 10.0, 11.5, 10.0, 11.0)) == [shares(1_000, "11.01")]  # 11.0055
    assert fills(_bar(talk, 10.0, 10.5, 9.5, 10.0)) == [shares(500, "10.01")]  # 10.005


def test_an_order_for_the_opening_gets_the_opening_price_or_nothing() -> None:
    talk = BrokerTalk(SPREAD)
    talk.clock(is_open=False)
    talk.submit(Side.BUY, 100, time_in_force=TimeInForce.OPG)
    talk.submit(Side.BUY, 100, "99", time_in_force=TimeInForce.OPG)
    _session(talk, "2026-01-06")
    got = _bar(talk, 100.0, 101.0, 98.0, 100.0)  # goes through 99, but not at the open
    assert fills(got) == [shares(100, "100.05")]
    assert kinds(got) == ["fill", "cancelled"]


def test_an_order_for_the_close_gets_the_closing_price() -> None:
    talk = BrokerTalk(SPREAD)
    talk.submit(Side.BUY, 100, time_in_force=TimeInForce.CLS)
    talk.submit(Side.BUY, 100, "98", time_in_force=TimeInForce.CLS)
    assert _bar(talk, 100.0, 101.0, 97.0, 100.0) == []
    _at(talk, "2026-01-05", 1)
    got = _bar(talk, 100.0, 101.0, 97.0, 99.0)
    assert fills(got) == [shares(100, "99.05")]  # 99 * 1.0005 = 99.0495
    assert kinds(got) == ["fill", "expired"]


def test_on_a_half_day_the_close_is_at_one() -> None:
    talk = BrokerTalk(SPREAD)
    _session(talk, "2026-11-27")
    talk.submit(Side.BUY, 100, time_in_force=TimeInForce.CLS)
    talk.now_ns += 209 * MINUTE_NS  # 12:59 in New York
    assert fills(_bar(talk, 100.0, 101.0, 99.0, 100.0)) == [shares(100, "100.05")]
    talk.clock("2026-11-27", is_open=False)
    talk.submit(Side.BUY, 100)
    assert _bar(talk, 100.0, 101.0, 99.0, 100.0) == []


def test_outside_the_session_only_those_trade_who_said_so() -> None:
    talk = BrokerTalk(SPREAD)
    talk.clock(is_open=False)
    _at(talk, "2026-01-05", -60)
    talk.submit(Side.BUY, 100)
    talk.submit(Side.BUY, 100, "99", time_in_force=TimeInForce.EXT)
    assert _ids(_bar(talk, 100.0, 101.0, 98.0, 99.5)) == ["o2"]
    _session(talk, "2026-01-06")
    # The other one waited for the open and takes its price.
    assert fills(_bar(talk, 103.0, 104.0, 102.0, 103.0)) == [shares(100, "103.06")]  # 103.0515


def test_an_extended_order_ends_when_the_next_session_begins() -> None:
    talk = BrokerTalk()
    talk.submit(Side.BUY, 100, "50", time_in_force=TimeInForce.EXT)
    assert talk.clock(is_open=False) == []
    assert kinds(talk.clock("2026-01-06")) == ["expired", "snapshot"]


def test_an_order_on_its_way_misses_the_bar_that_began_before_it_arrived() -> None:
    talk = BrokerTalk(PaperSettings(slippage_model="spread", latency_ms=250))
    talk.submit(Side.BUY, 100)
    assert _bar(talk, 100.0, 101.0, 99.0, 100.0) == []
    assert fills(_bar(talk, 101.0, 102.0, 100.0, 101.0)) == [shares(100, "101.06")]  # 101.0505


def test_in_a_halt_nothing_trades_and_no_stop_is_met() -> None:
    talk = BrokerTalk(SPREAD)
    talk.submit(Side.BUY, 100, trigger_price=Decimal(101), **STOP)
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=True))
    assert _bar(talk, 102.0, 103.0, 101.0, 102.0) == []
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=False))
    assert _bar(talk, 100.0, 100.5, 99.0, 100.0) == []
    assert fills(_bar(talk, 110.0, 111.0, 109.0, 110.0)) == [shares(100, "110.06")]  # 110.055


def test_a_stop_that_finds_nobody_is_at_work_from_then_on() -> None:
    talk = BrokerTalk(SPREAD)
    talk.submit(Side.SELL, 100, trigger_price=Decimal(95), **STOP)
    assert talk.bar(96.0, 96.0, 94.0, volume=5.0) == []
    assert fills(talk.bar(97.0)) == [shares(100, "96.95")]  # 96.9515


@pytest.mark.parametrize("force", [TimeInForce.DAY, TimeInForce.GTC])
def test_a_daily_bar_serves_opening_stop_limit_and_close_in_that_order(force: TimeInForce) -> None:
    talk = BrokerTalk(SPREAD)
    talk.clock(is_open=False)
    talk.submit(Side.BUY, 10, time_in_force=TimeInForce.CLS)  # o1
    talk.submit(Side.BUY, 10, "98", time_in_force=force)  # o2
    talk.submit(Side.BUY, 10, trigger_price=Decimal(102), time_in_force=force, **STOP)  # o3
    talk.submit(Side.BUY, 10, time_in_force=TimeInForce.OPG)  # o4
    session = session_of_date("2026-01-06")
    assert session is not None
    _session(talk, "2026-01-06")
    bar = Bar(
        symbol="AAPL",
        timeframe=Timeframe.D1,
        start_ns=session.open_ns,
        open=100.0,
        high=104.0,
        low=97.0,
        close=103.0,
        volume=1_000_000.0,
    )
    talk.now_ns = session.close_ns
    got = talk.say(FILE, bar)
    assert _ids(got) == ["o4", "o3", "o2", "o1"]
    expected = ["100.05", "102.06", "98", "103.06"]  # 102.051, 103.0515
    assert [price for _, price in fills(got)] == [Decimal(text) for text in expected]


def test_a_restored_broker_remembers_triggers_and_the_days_fees() -> None:
    settings = PaperSettings.model_validate({"costs": {"schedule": "alpaca"}})
    talk = BrokerTalk(settings)
    talk.submit(Side.BUY, 2_000, trigger_price=Decimal("10.5"), **STOP)
    talk.bar(10.0, 11.0, 10.0, 9_000.0)
    at = len(talk.heard)
    talk.bar(10.0, 11.0, 10.0, 9_000.0)
    talk.now_ns += NS_PER_S
    talk.clock("2026-01-06")
    talk.goes_on_after_restore(lambda: PaperBroker(settings, "main"), at)
