"""Purchases are paid from cash."""

import pytest

from services.risk.config import RiskSettings
from services.risk.rules.buying_power import check_buying_power
from shared.domain.values import Side
from tests.unit.services.risk.talk import Talk, propose, signal


@pytest.mark.parametrize(("quantity", "passed"), [("850", True), ("851", False)])
def test_working_purchases_have_the_first_claim(quantity: str, passed: bool) -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    talk.signal(quantity=150)
    talk.signal(Side.SELL, quantity=50, by="reversion")
    found = check_buying_power(propose(talk, signal(), quantity), talk.state, RiskSettings())
    assert found is not None
    assert found.passed is passed


def test_margin_and_sales_need_no_cash() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    dear = propose(talk, signal(), "5000")
    assert check_buying_power(dear, talk.state, RiskSettings(allow_margin=True)) is None
    sale = propose(talk, signal(Side.SELL), "5000")
    assert check_buying_power(sale, talk.state, RiskSettings()) is None
