"""All positions together stay within a multiple of equity."""

from decimal import Decimal

import pytest

from services.risk.config import RiskSettings
from services.risk.rules.exposure_limit import check_exposure_limit
from shared.domain.values import Side
from tests.unit.services.risk.talk import Talk, propose, signal


@pytest.mark.parametrize(("quantity", "passed"), [("100", True), ("101", False)])
def test_longs_shorts_and_working_orders_add_up(quantity: str, passed: bool) -> None:
    talk = Talk()
    talk.account("100000", IBM=100, TSLA=-100)
    talk.minute(AAPL=100.0, IBM=100.0, TSLA=100.0, MSFT=100.0)
    talk.signal(symbol="MSFT", quantity=100)
    limits = RiskSettings(max_gross_exposure=Decimal("0.4"))
    for side in Side:
        order = propose(talk, signal(side), quantity)
        found = check_exposure_limit(order, talk.state, limits)
        assert found is not None
        assert found.passed is passed
