"""Orders are judged at living prices."""

from services.risk.config import RiskSettings
from services.risk.rules.stale_price import check_stale_price
from shared.domain.values import Timeframe
from tests.unit.services.risk.talk import FILE, MINUTE_NS, Talk, bar, propose, signal

SECOND_NS = 1_000_000_000


def _passes(talk: Talk, limits: RiskSettings) -> bool:
    found = check_stale_price(propose(talk, signal()), talk.state, limits)
    assert found is not None
    return found.passed


def test_a_price_may_be_overdue_for_so_long() -> None:
    talk = Talk()
    limits = RiskSettings(max_price_age_s=60.0)
    assert not _passes(talk, limits)  # none yet
    talk.minute(AAPL=100.0)
    talk.now_ns += 2 * MINUTE_NS  # one minute to the next bar, and one overdue
    talk.clock()
    assert _passes(talk, limits)
    talk.now_ns += 1
    talk.clock()
    assert not _passes(talk, limits)


def test_daily_bars_are_fresh_for_a_day() -> None:
    talk = Talk()
    talk.say(FILE, bar("AAPL", 100.0, talk.now_ns, Timeframe.D1))
    talk.now_ns += 86_400 * SECOND_NS
    talk.clock()
    assert _passes(talk, RiskSettings())


def test_the_check_can_be_turned_off_for_a_price_that_exists() -> None:
    talk = Talk()
    limits = RiskSettings(max_price_age_s=None)
    assert not _passes(talk, limits)
    talk.minute(AAPL=100.0)
    assert check_stale_price(propose(talk, signal()), talk.state, limits) is None
