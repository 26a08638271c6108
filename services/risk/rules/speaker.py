"""A strategy speaks for itself only."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import free_of
from services.risk.state import RiskState
from shared.messages.decisions import Check

_PASSED = free_of("speaker", found=False)


def check_speaker(order: Proposal, _state: RiskState, _limits: RiskSettings) -> Check:
    """Deny a signal that names another strategy than the lane it stands on."""
    named = order.signal.strategy_id
    if named == order.speaker:
        return _PASSED
    detail = f"signal names {named!r}, the lane is {order.speaker!r}'s"
    return free_of("speaker", found=True, detail=detail)
