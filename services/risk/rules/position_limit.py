"""No symbol takes more than its share of the book."""

from services.risk.config import RiskSettings
from services.risk.proposal import Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from services.risk.valuation import money
from shared.domain.values import to_cents
from shared.messages.decisions import Check


def check_position_limit(order: Proposal, state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings after which the book's position in the symbol, over all strategies and with
    all working orders of the same side, is worth more than its share of equity; in money.
    """
    price, value, equity = order.price, order.notional, order.equity
    if not order.is_opening or price is None or value is None or equity is None:
        return None
    if order.signal.symbol in state.holdings:  # otherwise the order is the whole position
        value = money(abs(float(order.projected(state))) * float(price))
    return at_most("position_limit", value, to_cents(equity * limits.max_position_fraction))
