"""A signal has a time after which it means nothing."""

from services.risk.config import RiskSettings
from services.risk.rules.expired import check_expired
from tests.unit.services.risk.talk import Talk, propose, signal


def test_time_is_the_newest_market_time_and_its_last_moment_counts() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    for late_ns, passed in ((0, True), (1, False)):
        order = propose(talk, signal(valid_until_ns=talk.now_ns - late_ns))
        assert check_expired(order, talk.state, RiskSettings()).passed is passed
