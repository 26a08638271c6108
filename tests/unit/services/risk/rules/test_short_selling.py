"""Selling what is not held needs permission."""

from services.risk.config import RiskSettings
from services.risk.rules.short_selling import check_short_selling
from shared.domain.values import Intent, Side
from tests.unit.services.risk.talk import Talk, propose, signal


def test_shorts_can_be_forbidden() -> None:
    talk = Talk()
    order = propose(talk, signal(Side.SELL))
    for allowed in (True, False):
        found = check_short_selling(order, talk.state, RiskSettings(allow_short=allowed))
        assert found is not None
        assert found.passed is allowed


def test_purchases_and_closings_are_not_asked() -> None:
    talk = Talk()
    limits = RiskSettings(allow_short=False)
    assert check_short_selling(propose(talk, signal()), talk.state, limits) is None
    closing = propose(talk, signal(Side.SELL, Intent.CLOSE))
    assert check_short_selling(closing, talk.state, limits) is None
