"""No symbol takes more than its share of the book."""

import pytest

from services.risk.config import RiskSettings
from services.risk.rules.position_limit import check_position_limit
from shared.domain.values import Intent, Side
from tests.unit.services.risk.talk import Talk, propose, signal


@pytest.mark.parametrize(("quantity", "passed"), [("50", True), ("51", False)])
def test_what_is_held_and_what_works_count_over_all_strategies(quantity: str, passed: bool) -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    talk.signal(by="trend", quantity=100)
    talk.signal(by="reversion", quantity=50)
    found = check_position_limit(propose(talk, signal(), quantity), talk.state, RiskSettings())
    assert found is not None
    assert found.passed is passed


def test_shorts_count_like_longs_and_closings_do_not() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    short = propose(talk, signal(Side.SELL), "201")
    found = check_position_limit(short, talk.state, RiskSettings())
    assert found is not None
    assert not found.passed
    closing = propose(talk, signal(Side.SELL, Intent.CLOSE), "999")
    assert check_position_limit(closing, talk.state, RiskSettings()) is None
