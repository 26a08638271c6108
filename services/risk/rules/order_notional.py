"""No single order is too large, whatever the position it makes."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from shared.domain.values import to_cents
from shared.messages.decisions import Check


def check_order_notional(order: Proposal, _state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings worth more than the share of equity or the amount allowed; in money."""
    notional = order.notional
    if not order.is_opening or notional is None or order.equity is None:
        return None
    limit = to_cents(order.equity * limits.max_order_fraction)
    if limits.max_order_notional is not None:
        limit = min(limit, limits.max_order_notional)
    return at_most("order_notional", notional, limit)
