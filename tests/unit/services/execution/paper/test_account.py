"""The paper account."""

from decimal import Decimal

import pytest

from services.execution.config import PaperSettings
from services.execution.paper.account import hold, lacking, statement
from shared.domain.values import Side
from shared.messages.base import Message
from shared.messages.broker import Refused
from tests.unit.services.execution.talk import BrokerTalk

FREE = PaperSettings(starting_cash=Decimal(10_000), slippage_bps=Decimal(0))


def _talk() -> BrokerTalk:
    talk = BrokerTalk(FREE)
    talk.bar(100.0)
    return talk


def _code(answer: list[Message]) -> str:
    (message,) = answer
    return message.code if isinstance(message, Refused) else ""


@pytest.mark.parametrize("side", list(Side))
def test_longs_and_shorts_stay_within_equity(side: Side) -> None:
    assert _code(_talk().submit(side, 99)) == ""
    assert _code(_talk().submit(side, 100)) == "insufficient_funds"  # commission comes on top


def test_resting_orders_count_as_filled() -> None:
    talk = _talk()
    talk.submit(Side.BUY, 60)
    assert _code(talk.submit(Side.BUY, 60)) == "insufficient_funds"
    assert _code(talk.submit(Side.SELL, 50)) == ""  # the other side does not add to it


def test_a_position_can_always_be_reduced() -> None:
    talk = _talk()
    talk.submit(Side.SELL, 90)
    talk.bar(100.0)
    talk.bar(250.0)  # the short has lost more than there was
    assert _code(talk.submit(Side.BUY, 90)) == ""
    assert _code(talk.submit(Side.SELL, 1)) == "insufficient_funds"


def test_leverage_widens_the_room() -> None:
    talk = BrokerTalk(FREE.model_copy(update={"leverage": Decimal(2)}))
    talk.bar(100.0)
    assert _code(talk.submit(Side.BUY, 199)) == ""


def test_without_a_price_nothing_is_known_to_be_missing() -> None:
    talk = BrokerTalk(FREE)
    assert _code(talk.submit(Side.BUY, 10_000)) == ""
    resting = talk.core.state.resting["AAPL"][0]
    assert lacking(talk.core.state, resting, FREE) == 0


def test_what_is_held_and_what_rests_of_other_symbols_takes_its_room() -> None:
    talk = _talk()
    talk.bar(50.0, symbol="IBM")
    talk.bar(20.0, symbol="KO")
    talk.submit(Side.SELL, 80, symbol="IBM")
    talk.bar(50.0, symbol="IBM")
    talk.submit(Side.SELL, 40, symbol="IBM")  # held 80 short and 40 that rest: 6,000
    talk.submit(Side.BUY, 100, symbol="KO")  # 2,000 that only rest
    assert _code(talk.submit(Side.BUY, 20)) == "insufficient_funds"  # commission comes on top
    assert _code(talk.submit(Side.BUY, 19)) == ""


def test_with_a_position_of_unknown_price_nothing_is_known_to_be_missing() -> None:
    talk = _talk()
    hold(talk.core.state, "IBM", Decimal(5))
    assert _code(talk.submit(Side.BUY, 1_000)) == ""


def test_resting_sales_count_for_what_may_be_sold_short() -> None:
    talk = BrokerTalk(FREE.model_copy(update={"allow_short": False}))
    talk.submit(Side.BUY, 50)
    talk.bar(100.0)
    assert _code(talk.submit(Side.SELL, 50)) == ""
    assert _code(talk.submit(Side.BUY, 10)) == ""  # what may be bought is not held yet
    assert _code(talk.submit(Side.SELL, 1)) == "no_short"


def test_a_flat_position_is_not_stated() -> None:
    state = _talk().core.state
    hold(state, "IBM", Decimal(5))
    hold(state, "AAPL", Decimal(0))
    assert statement(state, "USD").positions == {"IBM": Decimal(5)}


def test_a_cash_account_pays_every_purchase_that_rests() -> None:
    talk = BrokerTalk(FREE.model_copy(update={"account": "cash", "leverage": Decimal(4)}))
    talk.bar(100.0)
    talk.bar(50.0, symbol="IBM")
    assert _code(talk.submit(Side.BUY, 60)) == ""
    # 6,000 + 3,950 and two times the least commission are more than 10,000 by nothing
    assert _code(talk.submit(Side.BUY, 79, symbol="IBM")) == ""
    assert _code(talk.submit(Side.BUY, 1, symbol="IBM")) == "insufficient_funds"


def test_a_cash_account_sells_what_it_holds_and_no_more() -> None:
    talk = BrokerTalk(FREE.model_copy(update={"account": "cash"}))
    talk.submit(Side.BUY, 50)
    talk.bar(100.0)
    assert _code(talk.submit(Side.SELL, 30)) == ""
    assert _code(talk.submit(Side.SELL, 30)) == "no_short"
    assert _code(talk.submit(Side.SELL, 20)) == ""


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"allow_short": False}, "no_short"), ({"hard_to_borrow": ("AAPL",)}, "hard_to_borrow")],
)
def test_a_short_sale_needs_leave_and_shares_to_borrow(
    settings: dict[str, object], code: str
) -> None:
    talk = BrokerTalk(FREE.model_copy(update=settings))
    talk.bar(100.0)
    assert _code(talk.submit(Side.SELL, 1)) == code
    assert _code(talk.submit(Side.BUY, 1)) == ""
