"""Purchases are paid from cash."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_least
from services.risk.state import RiskState
from shared.domain.values import ZERO, Side
from shared.messages.decisions import Check


def check_buying_power(order: Proposal, state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny purchases that would leave cash below zero, all working purchases paid; in money.

    Commission is not foreseen here; the broker has the last word. `allow_margin` lifts the rule.
    """
    notional = order.notional
    if not order.is_opening or order.signal.side is Side.SELL or limits.allow_margin:
        return None
    if notional is None or state.cash is None:
        return None
    left = state.cash - notional
    for other in state.working.values():
        if other.side is Side.BUY:
            left -= other.remaining * other.price
    return at_least("buying_power", left, ZERO)
