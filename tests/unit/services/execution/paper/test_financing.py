"""What is borrowed overnight costs."""

from decimal import Decimal

import pytest

from services.execution.config import PaperSettings
from services.execution.paper.financing import borrow_fee, note_night
from shared.domain.values import Side
from shared.messages.base import Message
from shared.messages.broker import BrokerSnapshot, Charge
from tests.unit.services.execution.talk import BrokerTalk

FREE = {"slippage_model": "none", "costs": {"schedule": "zero"}}


def _charges(answer: list[Message]) -> list[tuple[str, str, Decimal]]:
    return [(m.kind, m.symbol, m.amount) for m in answer if isinstance(m, Charge)]


def _talk(**more: object) -> BrokerTalk:
    return BrokerTalk(PaperSettings.model_validate(FREE | more))


@pytest.mark.parametrize(
    ("shares", "price", "rate", "days", "fee"),
    [
        # An IBKR client's statement (elitetrader.com, thread 359402): 42.80 * 1.02 = 43.656, up
        # to 44; 3,700 * 44 * 0.29 % / 360 = 1.3114
        (3_700, "42.80", "0.0029", 1, "1.32"),
        # A stock of 0.10 is lent as one of a dollar: 1,000 * 1 * 5 % / 360 = 0.1389
        (1_000, "0.10", "0.05", 1, "0.14"),
        (100, "100.00", "0.01", 3, "0.85"),  # 100 * 102 * 1 % * 3 / 360
        (100, "100.00", "0", 3, "0"),
    ],
)
def test_the_fee_of_borrowed_shares(
    shares: int, price: str, rate: str, days: int, fee: str
) -> None:
    assert borrow_fee(Decimal(shares), Decimal(price), Decimal(rate), days) == Decimal(fee)


def test_a_short_pays_for_each_calendar_day_at_the_closing_price() -> None:
    talk = _talk()
    talk.submit(Side.SELL, 100)
    talk.bar(100.0)
    talk.bar(110.0)  # Monday's close
    talk.clock(is_open=False)
    before = talk.core.state.cash
    # 110 * 1.02 = 112.2, up to 113; 100 * 113 * 1 % / 360 = 0.3139
    said = talk.clock("2026-01-06")
    assert _charges(said) == [("borrow", "AAPL", Decimal("0.32"))]
    stated = said[-1]
    assert isinstance(stated, BrokerSnapshot)
    assert stated.cash == talk.core.state.cash == before - Decimal("0.32")
    talk.bar(110.0)
    talk.clock("2026-01-09")  # a feed that shows no closes: Tuesday to Friday are three nights
    assert talk.core.state.cash == before - Decimal("0.32") - Decimal("0.95")  # 0.9417
    talk.clock("2026-01-09", is_open=False)
    assert _charges(talk.clock("2026-01-12")) == [("borrow", "AAPL", Decimal("0.95"))]  # a weekend


def test_a_symbol_may_have_a_rate_of_its_own() -> None:
    talk = _talk(borrow_rates={"AAPL": "0.36"})
    talk.submit(Side.SELL, 100)
    talk.bar(100.0)
    talk.clock(is_open=False)
    # 100 * 102 * 36 % / 360
    assert _charges(talk.clock("2026-01-06")) == [("borrow", "AAPL", Decimal("10.20"))]


def test_borrowed_cash_pays_interest() -> None:
    talk = _talk(leverage="2", margin_rate="0.072")
    talk.bar(100.0)
    talk.submit(Side.BUY, 1_500)
    talk.bar(100.0, volume=100_000.0)
    assert talk.core.state.cash == -50_000
    talk.clock(is_open=False)
    # 50,000 * 7.2 % / 360
    assert _charges(talk.clock("2026-01-06")) == [("interest", "", Decimal("10.00"))]


def test_the_proceeds_of_a_short_sale_are_not_ones_own() -> None:
    state = _talk().core.state
    state.cash = Decimal(1_000)
    state.positions["AAPL"] = Decimal(-100)
    state.prices["AAPL"] = 30.0
    note_night(state)
    assert state.overnight is not None
    assert state.overnight.cash == 2_000


def test_who_holds_longs_from_his_own_cash_pays_nothing() -> None:
    talk = _talk()
    talk.submit(Side.BUY, 100)
    talk.bar(100.0)
    talk.clock(is_open=False)
    assert _charges(talk.clock("2026-01-06")) == []


def test_what_was_closed_before_the_close_is_not_charged() -> None:
    talk = _talk()
    talk.submit(Side.SELL, 100)
    talk.bar(100.0)
    talk.submit(Side.BUY, 100)
    talk.bar(100.0)
    talk.clock(is_open=False)
    assert _charges(talk.clock("2026-01-06")) == []


def test_a_session_that_comes_again_charges_nothing() -> None:
    talk = _talk()
    talk.submit(Side.SELL, 100)
    talk.bar(100.0)
    talk.clock("2026-01-02")
    assert talk.core.state.overnight is None
    assert talk.core.state.cash == 110_000
