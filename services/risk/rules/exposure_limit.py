"""All positions together stay within a multiple of equity."""

from services.risk.config import RiskSettings
from services.risk.proposal import EMPTY, Proposal
from services.risk.rules.finding import at_most
from services.risk.state import RiskState
from services.risk.valuation import money
from shared.domain.values import to_cents
from shared.messages.decisions import Check


def check_exposure_limit(order: Proposal, state: RiskState, limits: RiskSettings) -> Check | None:
    """Deny openings that raise gross exposure (long plus short, working orders included) above
    its limit; in money.
    """
    price, value, equity = order.price, order.notional, order.equity
    if not order.is_opening or price is None or value is None or equity is None:
        return None
    if order.gross:  # otherwise the order is all the exposure
        symbol = order.signal.symbol
        holding, mark = state.holdings.get(symbol, EMPTY), state.marks[symbol]
        others = order.gross - holding.gross * mark.price
        shares = max(abs(float(order.projected(state))), holding.gross)
        value = money(others + shares * float(price))
    return at_most("exposure_limit", value, to_cents(equity * limits.max_gross_exposure))
