"""Only so many orders at work: a strategy that repeats itself must not flood the broker."""

from decimal import Decimal
from functools import lru_cache

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from shared.messages.decisions import Check


def check_working_orders(order: Proposal, state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings beyond the number of approved orders that are not over."""
    if not order.is_opening:
        return None
    return _found(len(state.working) + 1, limits.max_working_orders)


@lru_cache(maxsize=64)
def _found(after: int, limit: int) -> Check:
    """Kept, because the numbers are few."""
    return at_most("working_orders", Decimal(after), Decimal(limit))
