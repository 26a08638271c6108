"""Selling what the strategy does not hold needs permission."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import free_of
from services.risk.state import RiskState
from shared.domain.values import Side
from shared.messages.decisions import Check


def check_short_selling(order: Proposal, _state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings by sale unless `allow_short`."""
    if not order.is_opening or order.signal.side is Side.BUY:
        return None
    return free_of("short_selling", found=not limits.allow_short, detail="allow_short is off")
