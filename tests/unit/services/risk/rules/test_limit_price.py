"""A limit order names a limit that is a price."""

from decimal import Decimal

import pytest

from services.risk.config import RiskSettings
from services.risk.rules.limit_price import check_limit_price
from shared.domain.values import OrderType
from tests.unit.services.risk.talk import Talk, propose, signal


@pytest.mark.parametrize(
    ("limit", "passed"),
    [("99.5", True), (None, False), ("0", False), ("-1", False), ("NaN", False)],
)
def test_a_limit_must_be_a_price(limit: str | None, passed: bool) -> None:
    talk = Talk()
    price = None if limit is None else Decimal(limit)
    order = propose(talk, signal(order_type=OrderType.LIMIT, limit_price=price))
    found = check_limit_price(order, talk.state, RiskSettings())
    assert found is not None
    assert found.passed is passed


def test_market_orders_are_not_asked() -> None:
    talk = Talk()
    assert check_limit_price(propose(talk, signal()), talk.state, RiskSettings()) is None
