"""A limit order names a limit that is a price."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import free_of
from services.risk.state import RiskState
from shared.domain.values import OrderType
from shared.messages.decisions import Check


def check_limit_price(order: Proposal, _state: RiskState, _limits: RiskSettings) -> Check | None:
    """Deny a limit order whose limit is missing, not a number or not positive."""
    if order.signal.order_type is not OrderType.LIMIT:
        return None
    limit = order.signal.limit_price
    is_price = limit is not None and limit.is_finite() and limit > 0
    return free_of("limit_price", found=not is_price, detail=f"was {limit}")
