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


def test_a_flat_position_is_not_stated() -> None:
    state = _talk().core.state
    hold(state, "IBM", Decimal(5))
    hold(state, "AAPL", Decimal(0))
    assert statement(state, "USD").positions == {"IBM": Decimal(5)}
