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
    if not order.is_opening or order.price is None or order.equity is None:
        return None
    symbol = order.signal.symbol
    holding, mark = state.holdings.get(symbol, EMPTY), state.marks[symbol]
    others = order.gross - holding.gross * mark.price
    shares = max(abs(float(order.projected(state))), holding.gross)
    value = money(others + shares * float(order.price))
    return at_most("exposure_limit", value, to_cents(order.equity * limits.max_gross_exposure))
