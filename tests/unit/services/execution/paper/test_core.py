"""Conversations with the paper broker."""

from decimal import Decimal

import pytest

from services.execution.config import PaperSettings
from services.execution.paper.core import PaperBroker
from shared.core import Core
from shared.domain.values import Side, Timeframe, TimeInForce
from shared.messages.broker import Ack, BrokerSnapshot, Refused, Report
from shared.messages.market import CorporateAction, MarketStatus, Quote, QuoteTick, Trade, TradeTick
from shared.subjects import AGGREGATED, matches
from tests.unit.services.execution.talk import (
    FILE,
    MINUTE_NS,
    BrokerTalk,
    fills,
    kinds,
    shares,
)


def test_the_account_is_stated_first_and_with_each_session() -> None:
    talk = BrokerTalk()
    opening = BrokerSnapshot(cash=Decimal(100_000), currency="USD", positions={})
    assert talk.answers[0] == (opening,)
    assert talk.clock() == []
    assert talk.clock("2026-01-05", is_open=False) == []
    assert talk.clock("") == []
    assert talk.clock("2026-01-06") == [opening]


def test_a_first_bar_states_the_account_too() -> None:
    talk = BrokerTalk()
    talk.core = PaperBroker(PaperSettings(), "main")
    assert kinds(talk.bar()) == ["snapshot"]
    assert talk.bar() == []


def test_a_market_order_fills_at_the_next_open_and_pays_slippage() -> None:
    talk = BrokerTalk()
    talk.bar(99.0)
    (ack,) = talk.submit()
    assert isinstance(ack, Ack)
    assert ack.broker_order_id == "paper-1"
    (report,) = talk.bar(100.0)
    assert isinstance(report, Report)
    assert (report.quantity, report.price) == shares(100, "100.05")
    assert (report.commission, report.fees) == (Decimal("1.00"), Decimal("0.01"))
    assert report.fee_parts == {"cat": Decimal("0.01")}
    assert report.execution_id == "paper-1-1"
    assert talk.core.state.cash == Decimal(100_000) - Decimal(10005) - Decimal("1.01")
    assert talk.core.state.positions == {"AAPL": Decimal(100)}
    assert talk.bar(100.0) == []


def test_nothing_fills_on_a_bar_that_began_before_the_order() -> None:
    talk = BrokerTalk()
    talk.bar()
    talk.submit()
    talk.now_ns -= 1  # a bar that began a moment before
    assert talk.bar() == []
    assert len(talk.bar()) == 1


def test_a_bars_volume_is_shared_in_order_of_arrival() -> None:
    talk = BrokerTalk()
    talk.submit(Side.BUY, 60)
    talk.submit(Side.SELL, 60)
    assert fills(talk.bar(volume=1_000.0)) == [shares(60, "100.05"), shares(40, "99.95")]
    assert talk.bar(volume=0.0) == []
    assert talk.bar(volume=9.0) == []
    assert fills(talk.bar(volume=1_000.0)) == [shares(20, "99.95")]


def test_an_order_in_parts_pays_its_least_commission_once() -> None:
    talk = BrokerTalk()
    talk.submit(Side.BUY, 300)
    paid = []
    for _ in range(3):
        (report,) = talk.bar(volume=1_000.0)
        assert isinstance(report, Report)
        paid.append(report.commission)
    assert paid == [Decimal("1.00"), Decimal("0.00"), Decimal("0.50")]


def test_a_limit_order_waits_for_its_price() -> None:
    talk = BrokerTalk()
    talk.submit(limit="99")
    assert talk.bar(100.0, low=99.0) == []
    assert fills(talk.bar(100.0, low=98.99)) == [shares(100, "99")]


def test_what_an_ioc_does_not_get_at_once_is_cancelled() -> None:
    talk = BrokerTalk()
    talk.submit(time_in_force=TimeInForce.IOC)
    assert kinds(talk.bar(volume=500.0)) == ["fill", "cancelled"]
    talk.submit(limit="50", time_in_force=TimeInForce.IOC)
    assert kinds(talk.bar()) == ["cancelled"]
    assert talk.core.state.resting_count == 0


def test_a_day_order_expires_at_the_close_and_a_gtc_order_does_not() -> None:
    talk = BrokerTalk()
    talk.submit(limit="50")
    talk.submit(limit="51", time_in_force=TimeInForce.GTC)
    (expired,) = talk.clock(is_open=False)
    assert isinstance(expired, Report)
    assert (expired.kind, expired.client_order_id) == ("expired", "o1")
    assert talk.core.state.resting_count == 1


def test_a_day_order_expires_when_a_new_session_shows_that_its_own_is_over() -> None:
    talk = BrokerTalk()
    talk.submit(limit="50")
    assert kinds(talk.clock("2026-01-06")) == ["expired", "snapshot"]


def test_a_day_order_made_after_the_close_lives_in_the_next_session() -> None:
    talk = BrokerTalk()
    talk.clock(is_open=False)
    talk.submit(limit="50")
    assert talk.clock("", is_open=False) == []
    assert kinds(talk.clock("2026-01-06")) == ["snapshot"]
    assert kinds(talk.clock("2026-01-06", is_open=False)) == ["expired"]


def test_a_daily_bar_is_a_day_orders_whole_life() -> None:
    talk = BrokerTalk()
    talk.clock(is_open=False)
    talk.submit()
    talk.submit(limit="50")
    answer = talk.bar(volume=500.0, timeframe=Timeframe.D1)
    assert kinds(answer) == ["fill", "expired", "expired"]


def test_a_halted_symbol_does_not_trade() -> None:
    talk = BrokerTalk()
    talk.submit()
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=True))
    assert talk.bar() == []
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=False))
    assert kinds(talk.bar()) == ["fill"]


def test_a_cancel_is_confirmed_once() -> None:
    talk = BrokerTalk()
    talk.submit()
    (report,) = talk.cancel("o1")
    assert isinstance(report, Report)
    assert (report.kind, report.reason) == ("cancelled", "operator")
    assert talk.cancel("o1") == []
    assert talk.bar() == []


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"valid_until_ns": 0}, "expired"),
        ({"quantity": 0}, "zero_quantity"),
        ({"limit": "0"}, "limit_price"),
        ({"quantity": 10_000}, "insufficient_funds"),
    ],
)
def test_what_a_broker_refuses(order: dict[str, object], code: str) -> None:
    talk = BrokerTalk()
    talk.bar()
    (refused,) = talk.submit(**order)  # type: ignore[arg-type]
    assert isinstance(refused, Refused)
    assert refused.code == code


def test_the_book_has_room_for_so_many_orders() -> None:
    talk = BrokerTalk(PaperSettings(max_resting_orders=1))
    talk.submit(limit="50")
    (refused,) = talk.submit(limit="50")
    assert isinstance(refused, Refused)
    assert refused.code == "too_many_orders"


def test_bars_that_were_made_from_others_fill_nothing() -> None:
    talk = BrokerTalk()
    talk.submit()
    assert talk.bar(timeframe=Timeframe.M5, lane=AGGREGATED) == []


def test_nor_do_they_make_prices() -> None:
    talk = BrokerTalk()
    talk.bar()
    known = dict(talk.core.state.prices)
    talk.bar(50.0, timeframe=Timeframe.M5, lane=AGGREGATED)
    assert talk.core.state.prices == known


def test_fills_can_be_confined_to_one_timeframe() -> None:
    talk = BrokerTalk(PaperSettings(fill_timeframe=Timeframe.M5))
    talk.submit()
    assert talk.bar() == []
    assert kinds(talk.bar(timeframe=Timeframe.M5)) == ["fill"]


def test_where_there_are_quotes_orders_meet_quotes_only() -> None:
    talk = BrokerTalk()
    talk.quote(99.0, 101.0)
    talk.submit(Side.BUY, 800)
    assert talk.bar() == []
    trade = TradeTick(talk.now_ns + 1, 100.0, 9_000.0)
    assert talk.say(FILE, Trade(symbol="AAPL", ticks=(trade,))) == []
    # 101 * 1.0005 = 101.0505; impact 0.5 * spread 2 * sqrt(500 / 500) = 1: 102.0505, up a tick
    assert fills(talk.quote(99.0, 101.0, ask_size=500.0)) == [shares(500, "102.06")]
    assert fills(talk.quote(99.0, 101.0, ask_size=0.0)) == []


def test_each_side_of_a_quote_is_its_own() -> None:
    talk = BrokerTalk()
    talk.submit(Side.BUY, 300)
    talk.submit(Side.BUY, 300)
    talk.submit(Side.SELL, 300)
    got = fills(talk.quote(100.0, 100.0, bid_size=400.0, ask_size=400.0))
    assert [quantity for quantity, _ in got] == [300, 100, 300]


def test_trades_fill_where_there_are_no_quotes() -> None:
    talk = BrokerTalk()
    talk.submit()
    talk.now_ns += MINUTE_NS
    ticks = (TradeTick(talk.now_ns - 1, 100.0, 300.0), TradeTick(talk.now_ns, 101.0, 5_000.0))
    got = fills(talk.say(FILE, Trade(symbol="AAPL", ticks=ticks)))
    assert got == [shares(30, "100.05"), shares(70, "101.06")]


def test_a_one_sided_quote_leaves_the_price() -> None:
    talk = BrokerTalk()
    talk.bar(100.0)
    tick = QuoteTick(talk.now_ns, 0.0, 300.0, 0.0, 10.0)
    talk.say(FILE, Quote(symbol="AAPL", ticks=(tick,)))
    assert talk.core.state.prices["AAPL"] == 100.0


def test_a_split_changes_shares_and_cancels_what_rests() -> None:
    talk = BrokerTalk()
    talk.submit()
    talk.bar(100.0)
    talk.submit(limit="50")
    split = CorporateAction(symbol="AAPL", kind="split", ex_date="2026-01-06", ratio=3.0)
    cancelled, stated = talk.say(FILE, split)
    assert kinds([cancelled]) == ["cancelled"]
    assert isinstance(stated, BrokerSnapshot)
    assert stated.positions == {"AAPL": Decimal(300)}
    assert talk.core.state.prices["AAPL"] == pytest.approx(100 / 3)
    assert talk.say(FILE, split) == []


def test_a_short_pays_the_dividend() -> None:
    talk = BrokerTalk()
    talk.submit(Side.SELL)
    talk.bar(100.0)
    before = talk.core.state.cash
    paid = CorporateAction(
        symbol="AAPL", kind="dividend", ex_date="2026-01-06", cash_per_share=0.125
    )
    (stated,) = talk.say(FILE, paid)
    assert isinstance(stated, BrokerSnapshot)
    assert stated.cash == before - Decimal("12.50")


def test_a_restored_broker_goes_on_as_if_nothing_had_happened() -> None:
    talk = BrokerTalk()
    talk.submit(Side.BUY, 700)
    talk.bar(volume=3_000.0)
    at = len(talk.heard)
    talk.submit(Side.SELL, 100, limit="101")
    talk.bar(volume=3_000.0)
    talk.bar(102.0)
    talk.clock("2026-01-06")
    for split_at in (at, at + 2):
        talk.goes_on_after_restore(lambda: PaperBroker(PaperSettings(), "main"), split_at)


def test_a_broken_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="truncated"):
        PaperBroker(PaperSettings(), "main").restore(b"{")


def test_no_filter_covers_another() -> None:
    core: Core = PaperBroker(PaperSettings(), "main")
    assert str(core.lane) == "broker.main"
    for one in core.reads:
        for other in core.reads:
            assert one is other or not matches(one, other.replace("*", "x").replace(">", "y"))
