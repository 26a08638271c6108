"""No new position in a symbol that its venue has halted."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import free_of
from services.risk.state import RiskState
from shared.messages.decisions import Check

_PASSED = free_of("symbol_halted", found=False)


def check_symbol_halted(order: Proposal, state: RiskState, _limits: RiskSettings) -> Check | None:
    """Deny openings during a trading halt; a closing order may wait for the reopening."""
    if not order.is_opening:
        return None
    reason = state.halted_symbols.get(order.signal.symbol)
    if reason is None:
        return _PASSED
    return free_of("symbol_halted", found=True, detail=reason)
