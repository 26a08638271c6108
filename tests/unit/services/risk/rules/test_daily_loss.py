"""A session that loses too much is over for new positions."""

from decimal import Decimal

import pytest

from services.risk.config import RiskSettings
from services.risk.rules.daily_loss import check_daily_loss, loss_limit
from tests.unit.services.risk.talk import Talk, propose, signal


@pytest.mark.parametrize(("equity", "passed"), [("98000.01", True), ("98000", False)])
def test_at_the_limit_the_session_is_over(equity: str, passed: bool) -> None:
    talk = Talk()
    talk.account(equity)
    found = check_daily_loss(propose(talk, signal()), talk.state, RiskSettings())
    assert found is not None
    assert found.passed is passed
    assert found.value == Decimal(100_000) - Decimal(equity)


def test_an_amount_can_be_the_smaller_limit() -> None:
    limits = RiskSettings(max_daily_loss=Decimal(500))
    assert loss_limit(Decimal(100_000), limits) == 500
    assert loss_limit(Decimal(10_000), limits) == 200
    assert loss_limit(Decimal(-1), limits) == 0
