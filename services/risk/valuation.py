"""What the book is worth and how much of it is at work, at the last prices.

Sums run in floating point over insertion-ordered holdings (add and multiply only, so every
machine gets the same digits) and become cents before anything is compared with a limit.
"""

from decimal import Decimal

from services.risk.state import RiskState

type Worth = tuple[Decimal | None, float]
"""Equity in cents, None when it cannot be known, and gross exposure."""


def equity_value(state: RiskState) -> float | None:
    """Return cash plus the value of all positions; None when it cannot be known.

    Not cash plus unrealised profit: that would count a purchase as a loss.
    """
    if state.cash is None:
        return None
    total = state.cash_value
    for symbol, holding in state.holdings.items():
        if holding.net:
            mark = state.marks.get(symbol)
            if mark is None:
                return None
            total += holding.net * mark.price
    return total


def appraise(state: RiskState) -> Worth:
    """Return equity and gross exposure in one pass, for a decision.

    Gross exposure is the value of all positions, long and short added up, each at its larger
    side: as if all its working buys, or all its sells, had filled. A symbol without a price
    counts nothing there; equity is then unknown and `account_known` refuses.
    """
    marks = state.marks
    equity, gross, is_known = state.cash_value, 0.0, state.cash is not None
    for symbol, holding in state.holdings.items():
        mark = marks.get(symbol)
        if mark is not None:
            price = mark.price
            equity += holding.net * price
            gross += holding.gross * price
        elif holding.net:
            is_known = False
    return (money(equity) if is_known else None), gross


def unpriced(state: RiskState) -> str:
    """Name the first held symbol that has no price; "" when all have one."""
    for symbol, holding in state.holdings.items():
        if holding.net and symbol not in state.marks:
            return symbol
    return ""


def money(value: float) -> Decimal:
    """Return an amount in cents; text formatting rounds exactly, the same on every machine."""
    return Decimal(f"{value:.2f}")
