"""Nothing is judged before the account and the prices of all it holds are known."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import free_of
from services.risk.state import RiskState
from services.risk.valuation import unpriced
from shared.messages.decisions import Check

_PASSED = free_of("account_unknown", found=False)


def check_account_known(order: Proposal, state: RiskState, _limits: RiskSettings) -> Check:
    """Deny everything without an account, and openings while equity cannot be known."""
    if state.cash is None:
        return free_of("account_unknown", found=True, detail="the broker has not stated it yet")
    if order.is_opening and order.equity is None:
        detail = f"{unpriced(state)} is held and has no price"
        return free_of("account_unknown", found=True, detail=detail)
    return _PASSED
