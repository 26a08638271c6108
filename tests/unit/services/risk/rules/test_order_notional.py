"""No single order is too large."""

from decimal import Decimal

import pytest

from services.risk.config import RiskSettings
from services.risk.rules.order_notional import check_order_notional
from tests.unit.services.risk.talk import Talk, propose, signal


@pytest.mark.parametrize(
    ("quantity", "cap", "passed"),
    [("250", None, True), ("251", None, False), ("100", "9999", False), ("99", "9999", True)],
)
def test_an_order_stays_within_its_share_and_amount(
    quantity: str, cap: str | None, passed: bool
) -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    limits = RiskSettings(max_order_notional=None if cap is None else Decimal(cap))
    found = check_order_notional(propose(talk, signal(), quantity), talk.state, limits)
    assert found is not None
    assert found.passed is passed
