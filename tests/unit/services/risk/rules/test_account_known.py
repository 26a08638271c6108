"""Nothing is judged before the account and its prices are known."""

from services.risk.config import RiskSettings
from services.risk.rules.account_known import check_account_known
from shared.domain.values import Intent, Side
from tests.unit.services.risk.talk import Talk, propose, signal


def _passes(talk: Talk, intent: Intent) -> bool:
    order = propose(talk, signal(Side.SELL, intent))
    return check_account_known(order, talk.state, RiskSettings()).passed


def test_an_unknown_account_stops_everything_an_unpriced_holding_openings() -> None:
    talk = Talk(cash="")
    assert not _passes(talk, Intent.OPEN)
    assert not _passes(talk, Intent.CLOSE)
    talk.account("1000", IBM=5)
    assert not _passes(talk, Intent.OPEN)
    assert _passes(talk, Intent.CLOSE)
    talk.minute(IBM=10.0)
    assert _passes(talk, Intent.OPEN)
