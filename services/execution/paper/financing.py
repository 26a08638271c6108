"""What is borrowed overnight costs: shares that were sold short, and cash.

When a session ends, what is borrowed then is noted, at the closing price; when the next one
begins, it is charged for every calendar day between the two. A share that is short is charged as
the industry does (Interactive Brokers, "Borrow Fee Details"): 102 % of its price, rounded up to the
next dollar, times the rate of a year, over 360 days. Interest is due on what is owed beyond the
proceeds of short sales, which are the lender's collateral. Each charge is rounded up to the cent.
"""

from datetime import date
from decimal import ROUND_CEILING, ROUND_UP, Decimal

from services.execution.config import PaperSettings
from services.execution.paper.state import Overnight, PaperState
from shared.domain.values import CENT, ZERO, to_price
from shared.messages.broker import Charge

DAYS_OF_A_YEAR = 360
COLLATERAL = Decimal("1.02")


def note_night(state: PaperState) -> None:
    """Note what is borrowed as the session ends."""
    if not state.session or not state.positions:
        state.overnight = None
        return
    shorts = {
        symbol: (-held, to_price(state.prices[symbol]))
        for symbol, held in state.positions.items()
        if held < 0 and symbol in state.prices
    }
    proceeds = sum((shares * price for shares, price in shorts.values()), ZERO)
    owed = max(proceeds - state.cash, ZERO)
    state.overnight = Overnight(state.session, shorts, owed) if shorts or owed else None


def charge_night(state: PaperState, session: str, settings: PaperSettings) -> tuple[Charge, ...]:
    """Charge the nights up to a session (YYYY-MM-DD) for what was borrowed in them."""
    night, state.overnight = state.overnight, None
    if night is None:
        return ()
    days = (date.fromisoformat(session) - date.fromisoformat(night.session)).days
    if days <= 0:
        return ()
    charges = []
    for symbol, (shares, price) in night.shorts.items():
        rate = settings.borrow_rates.get(symbol, settings.borrow_rate)
        detail = f"{shares:f} shares at {price:f}, {days} days at {rate:f} a year"
        amount = borrow_fee(shares, price, rate, days)
        charges.append(_charge("borrow", amount, session, symbol, detail))
    interest = _over(night.cash * settings.margin_rate, days)
    detail = f"{night.cash:f} owed, {days} days at {settings.margin_rate:f} a year"
    charges.append(_charge("interest", interest, session, "", detail))
    charged = tuple(charge for charge in charges if charge.amount)
    state.cash -= sum((charge.amount for charge in charged), ZERO)
    return charged


def borrow_fee(shares: Decimal, price: Decimal, rate: Decimal, days: int) -> Decimal:
    """Return the fee, in whole cents, of `shares` borrowed for some calendar days at `rate` a
    year; `price` is the closing price per share.
    """
    collateral = (price * COLLATERAL).to_integral_value(ROUND_CEILING)
    return _over(shares * collateral * rate, days)


def _over(a_year: Decimal, days: int) -> Decimal:
    return (a_year * days / DAYS_OF_A_YEAR).quantize(CENT, ROUND_UP)


def _charge(kind: str, amount: Decimal, session: str, symbol: str, detail: str) -> Charge:
    return Charge(
        charge_id=f"paper-{kind}-{session}-{symbol}" if symbol else f"paper-{kind}-{session}",
        kind=kind,
        amount=amount,
        symbol=symbol,
        detail=detail,
    )
