"""Only so many symbols at a time."""

from decimal import Decimal
from functools import lru_cache

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from shared.messages.decisions import Check


def check_open_positions(order: Proposal, state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings in one symbol too many; symbols being opened count as open."""
    if not order.is_opening or order.signal.symbol in state.holdings:
        return None
    return _found(len(state.holdings) + 1, limits.max_open_positions)


@lru_cache(maxsize=64)
def _found(after: int, limit: int) -> Check:
    """Kept, because the numbers are few."""
    return at_most("open_positions", Decimal(after), Decimal(limit))
