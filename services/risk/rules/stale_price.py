"""Orders are judged at living prices.

A price is expected again after the shortest interval seen for its symbol (a bar's length; 0 for
ticks). `max_price_age_s` is how long it may be overdue: so a file of daily bars and a stream of
ticks live under one setting.
"""

from decimal import Decimal
from functools import lru_cache

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from shared.domain.values import NS_PER_S, ZERO
from shared.messages.decisions import Check


def check_stale_price(order: Proposal, state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings without a price, or with one that is overdue; in seconds of market time."""
    if not order.is_opening:
        return None
    mark = state.marks.get(order.signal.symbol)
    if mark is None:
        return Check("stale_price", passed=False, value=ZERO, limit=ZERO, detail="no price yet")
    if limits.max_price_age_s is None:
        return None
    return _found(state.now_ns - mark.ts_ns, limits.max_price_age_s, mark.spacing_s)


@lru_cache(maxsize=64)
def _found(age_ns: int, overdue_s: float, spacing_s: int) -> Check:
    """Kept, because bars are judged at few ages."""
    age_s, allowed_s = Decimal(age_ns) / NS_PER_S, Decimal(repr(overdue_s)) + spacing_s
    return at_most("stale_price", age_s, allowed_s)
