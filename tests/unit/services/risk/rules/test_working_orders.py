"""Only so many orders at work."""

from services.risk.config import RiskSettings
from services.risk.rules.working_orders import check_working_orders
from tests.unit.services.risk.talk import Talk, propose, signal


def test_one_order_too_many_is_denied() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    talk.signal(quantity=1)
    for most, passed in ((2, True), (1, False)):
        limits = RiskSettings(max_working_orders=most)
        found = check_working_orders(propose(talk, signal()), talk.state, limits)
        assert found is not None
        assert found.passed is passed
