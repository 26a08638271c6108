"""A session that loses too much is over for new positions.

The loss is of equity (cash and positions at their prices), counted from the last prices of the
session before, so that an overnight gap counts and a purchase does not.
"""

from decimal import Decimal

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.state import RiskState
from shared.domain.values import ZERO, to_cents
from shared.messages.decisions import Check


def loss_limit(start: Decimal, limits: RiskSettings) -> Decimal:
    """Return the loss, in money, at which a session that began with equity `start` halts."""
    by_fraction = to_cents(max(start, ZERO) * limits.max_daily_loss_fraction)
    return by_fraction if limits.max_daily_loss is None else min(by_fraction, limits.max_daily_loss)


def check_daily_loss(order: Proposal, state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings once the session's loss reaches its limit."""
    start = state.session.equity
    if not order.is_opening or start is None or order.equity is None:
        return None
    loss, limit = start - order.equity, loss_limit(start, limits)
    return Check("daily_loss", loss < limit, loss, limit)
