"""What the book is worth."""

from decimal import Decimal

from services.risk.valuation import appraise, equity_value, money, unpriced
from tests.unit.services.risk.talk import Talk


def test_equity_is_cash_and_positions() -> None:
    talk = Talk(cash="")
    assert equity_value(talk.state) is None
    talk.account("1000", AAPL=10, IBM=-5)
    assert equity_value(talk.state) is None
    assert unpriced(talk.state) == "AAPL"
    talk.minute(AAPL=10.0, IBM=2.0)
    assert equity_value(talk.state) == 1_090.0
    assert unpriced(talk.state) == ""


def test_exposure_adds_longs_and_shorts() -> None:
    talk = Talk(cash="")
    talk.account("1000", AAPL=10, IBM=-5)
    talk.minute(AAPL=10.0, IBM=2.0)
    assert appraise(talk.state) == (Decimal(1_090), 110.0)


def test_without_every_price_equity_is_unknown() -> None:
    talk = Talk(cash="")
    assert appraise(talk.state) == (None, 0.0)
    talk.account("1000", AAPL=10, IBM=-5)
    talk.minute(AAPL=10.0)
    assert appraise(talk.state) == (None, 100.0)


def test_money_is_cents() -> None:
    assert money(0.1 + 0.2) == Decimal("0.3")
    assert money(-1.005) == Decimal("-1.0")  # the float lies below
