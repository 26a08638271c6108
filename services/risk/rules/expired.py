"""A backlog must not fail open: a signal has a time after which it means nothing."""

from decimal import Decimal
from functools import lru_cache

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from shared.domain.values import NS_PER_S, ZERO
from shared.messages.decisions import Check


def check_expired(order: Proposal, state: RiskState, _limits: RiskSettings) -> Check:
    """Deny a signal whose `valid_until_ns` lies before the newest market time; in seconds."""
    return _found(state.now_ns - order.signal.valid_until_ns)


@lru_cache(maxsize=64)
def _found(late_ns: int) -> Check:
    """Kept, because the orders of one strategy are valid for one span of time."""
    return at_most("expired", Decimal(late_ns) / NS_PER_S, ZERO, "seconds past valid_until")
