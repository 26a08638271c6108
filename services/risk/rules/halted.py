"""A killed desk does not trade; a halted one only closes."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import free_of
from services.risk.state import RiskState
from shared.messages.decisions import Check

_PASSED = free_of("halted", found=False)


def check_halted(order: Proposal, state: RiskState, _limits: RiskSettings) -> Check:
    """Deny everything after a kill, and openings while the desk is halted."""
    halt = state.killed or (state.halted if order.is_opening else None)
    if halt is None:
        return _PASSED
    return free_of(
        "halted", found=True, detail=f"{halt.code} at sequence {halt.seq} {halt.detail}".rstrip()
    )
