"""Conversations with the risk core."""

from decimal import Decimal

import pytest

from services.risk.config import RiskSettings
from services.risk.core import RiskCore
from services.risk.rules import RULES, RULES_OF_CLOSINGS
from shared.core import Core
from shared.domain.values import Intent, OrderType, Side, Timeframe
from shared.messages.control import Kill, SetLimit
from shared.messages.decisions import Approved, Denied, Limits
from shared.messages.market import CorporateAction, MarketStatus, Quote, QuoteTick, Trade, TradeTick
from shared.messages.orders import Rejected
from shared.subjects import AGGREGATED, matches
from tests.unit.services.risk.talk import (
    EXECUTION,
    FILE,
    MINUTE_NS,
    Talk,
    bar,
    codes,
    propose,
    signal,
)


def test_an_opening_is_sized_checked_and_approved() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    answer = talk.signal()
    assert isinstance(answer, Approved)
    assert answer.quantity == 50  # 5 % of 100,000 at 100
    assert answer.signal_id == "s1"
    assert all(check.passed for check in answer.checks)
    assert {"halted", "expired", "position_limit", "exposure_limit"} <= set(codes(answer))


def test_a_denial_names_every_reason() -> None:
    talk = Talk(RiskSettings(max_gross_exposure=Decimal("0.3")))
    talk.minute(AAPL=100.0)
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=True, reason="news"))
    answer = talk.signal(quantity=1_100)
    assert isinstance(answer, Denied)
    assert codes(answer) == [
        "symbol_halted",
        "order_notional",
        "position_limit",
        "exposure_limit",
        "buying_power",
    ]


def test_nothing_is_approved_before_the_account_is_known() -> None:
    talk = Talk(cash="")
    talk.minute(AAPL=100.0)
    answer = talk.signal(quantity=1)
    assert isinstance(answer, Denied)
    assert "account_unknown" in codes(answer)


def test_working_orders_count_until_they_end() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    first = talk.signal(quantity=150)
    assert isinstance(first, Approved)
    assert codes(talk.signal(quantity=60)) == ["position_limit"]
    talk.cancelled(first)
    assert isinstance(talk.signal(quantity=60), Approved)


def test_a_rejected_order_releases_its_reservation() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    order = talk.signal(quantity=200)
    assert isinstance(order, Approved)
    rejected = Rejected(
        order_id="o",
        client_order_id="c",
        signal_id=order.signal_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        code="killed",
    )
    talk.say(EXECUTION, rejected)
    assert not talk.state.working
    assert not talk.state.holdings


def test_a_close_gets_the_whole_position_once() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal()
    assert isinstance(opened, Approved)
    talk.fill(opened, "100.05")
    closing = talk.signal(Side.SELL, Intent.CLOSE)
    assert isinstance(closing, Approved)
    assert closing.quantity == opened.quantity
    assert codes(talk.signal(Side.SELL, Intent.CLOSE)) == ["nothing_to_close"]


def test_limits_on_exposure_never_block_a_close() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal(quantity=200)
    assert isinstance(opened, Approved)
    talk.fill(opened, "100")
    talk.minute(AAPL=200.0)  # the position is now far above its share
    talk.say(FILE, MarketStatus(symbol="AAPL", halted=True))
    talk.now_ns += 100 * MINUTE_NS  # and its price is old
    assert isinstance(talk.signal(Side.SELL, Intent.CLOSE), Approved)


def test_a_close_is_shown_to_every_rule_that_has_a_say_about_it() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    close = propose(talk, signal(Side.SELL, Intent.CLOSE, order_type=OrderType.LIMIT))
    judging = [rule for rule in RULES if rule(close, talk.state, RiskSettings()) is not None]
    assert tuple(judging) == RULES_OF_CLOSINGS


def test_one_strategy_cannot_close_what_another_holds() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal(by="trend")
    assert isinstance(opened, Approved)
    talk.fill(opened, "100")
    assert codes(talk.signal(Side.SELL, Intent.CLOSE, by="reversion")) == ["nothing_to_close"]


def test_the_shards_of_a_strategy_speak_for_it() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    answer = talk.signal(by="trend~2of4", quantity=1)
    assert codes(answer) == ["speaker"]  # the signal must name the strategy, not the shard


def test_quotes_and_trades_make_prices_too() -> None:
    talk = Talk()
    talk.now_ns += 1
    tick = QuoteTick(talk.now_ns, 99.0, 101.0, 10.0, 10.0)
    talk.say(FILE, Quote(symbol="AAPL", ticks=(tick,)))
    assert talk.state.marks["AAPL"].price == 100.0
    empty = QuoteTick(talk.now_ns, 0.0, 250.0, 0.0, 10.0)
    talk.say(FILE, Quote(symbol="AAPL", ticks=(empty,)))
    assert talk.state.marks["AAPL"].price == 100.0
    talk.say(FILE, Trade(symbol="AAPL", ticks=(TradeTick(talk.now_ns, 102.0, 5.0),)))
    assert talk.state.marks["AAPL"].price == 102.0


def test_a_longer_bar_tells_an_old_price_late() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    seen_ns = talk.now_ns
    talk.now_ns += MINUTE_NS
    late = bar("AAPL", 99.0, talk.now_ns, Timeframe.M5)
    talk.say(AGGREGATED, late)
    mark = talk.state.marks["AAPL"]
    assert (mark.price, mark.ts_ns) == (100.0, seen_ns)


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_not_believed(price: float) -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    talk.minute(AAPL=price)
    assert talk.state.marks["AAPL"].price == 100.0


def test_a_split_changes_shares_and_price_and_leaves_equity() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal(quantity=100)
    assert isinstance(opened, Approved)
    talk.fill(opened, "100")
    before = talk.state.last_equity
    split = CorporateAction(symbol="AAPL", kind="split", ex_date="2026-01-06", ratio=4.0)
    talk.say(FILE, split)
    talk.say(FILE, split)  # a second feed says it again
    talk.clock()
    assert talk.state.holdings["AAPL"].quantity == 400
    assert talk.state.marks["AAPL"].price == 25.0
    assert talk.state.last_equity == before == 100_000.0


def test_market_orders_carry_no_limit_price() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    answer = talk.signal(quantity=1, limit_price=Decimal(99))
    assert isinstance(answer, Approved)
    assert answer.limit_price is None
    answer = talk.signal(quantity=1, limit_price=Decimal(99), order_type=OrderType.LIMIT)
    assert isinstance(answer, Approved)
    assert answer.limit_price == 99


def test_a_stop_keeps_its_trigger_and_its_limit() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    answer = talk.signal(
        quantity=1,
        order_type=OrderType.STOP_LIMIT,
        trigger_price=Decimal(101),
        limit_price=Decimal(102),
    )
    assert isinstance(answer, Approved)
    assert (answer.trigger_price, answer.limit_price) == (Decimal(101), Decimal(102))


def test_commands_count_once() -> None:
    talk = Talk()
    assert len(talk.order(Kill(reason="drill"), "k1")) == 1
    assert talk.order(Kill(reason="drill"), "k1") == []


def test_a_restored_core_goes_on_as_if_nothing_had_happened() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0, MSFT=50.0)
    opened = talk.signal()
    assert isinstance(opened, Approved)
    (said,) = talk.order(SetLimit(key="max_position_fraction", value="0.10"))
    assert isinstance(said, Limits)
    talk.fill(opened, "100", 20, done=False)
    successor = RiskCore(RiskSettings(), "main")
    successor.restore(talk.core.snapshot())
    assert successor.limits == talk.core.limits
    heard = len(talk.heard)
    talk.minute(AAPL=101.0, MSFT=51.0)
    talk.signal(quantity=60)
    talk.signal(symbol="MSFT")
    talk.signal(Side.SELL, Intent.CLOSE)
    for (stamp, message), answer in zip(talk.heard[heard:], talk.answers[heard:], strict=True):
        assert successor.handle(stamp, message) == answer
    assert successor.snapshot() == talk.core.snapshot()


def test_a_broken_snapshot_is_refused() -> None:
    with pytest.raises(ValueError, match="truncated"):
        RiskCore(RiskSettings(), "main").restore(b"{")


def test_it_reads_what_it_needs_and_no_filter_covers_another() -> None:
    core: Core = RiskCore(RiskSettings(), "main")
    assert str(core.lane) == "risk.main"
    for one in core.reads:
        for other in core.reads:
            assert one is other or not matches(one, other.replace("*", "x").replace(">", "y"))
