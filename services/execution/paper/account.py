"""The paper account: cash, positions, and how much it may take on.

A margin account has one rule of buying power: what is held long plus what is held short, resting
orders counted as filled, may not exceed equity times `leverage`. With leverage 1 all longs are
paid from cash and shorts are allowed up to equity, which is stricter than Regulation T's 150 % of
the short's value in the account; 2 is Regulation T's initial margin for longs. A cash account pays
all purchases, resting ones too, from cash, and shorts nothing. Reducing a position is always
allowed. Prices that move afterwards force nobody out.
"""

from collections.abc import Iterable
from decimal import Decimal

from services.execution.config import PaperSettings
from services.execution.paper.costs import charge_fees, commission_due
from services.execution.paper.pricing import BASIS_POINT
from services.execution.paper.state import DayFees, PaperState, Resting
from shared.domain.values import ZERO, Side, to_price
from shared.messages.broker import BrokerSnapshot, Report


def execute(
    state: PaperState,
    order: Resting,
    quantity: Decimal,
    price: Decimal,
    day: str,
    settings: PaperSettings,
) -> Report:
    """Fill `quantity` shares of an order at `price` on a New York date: move cash and shares, and
    report it.
    """
    notional = quantity * price
    order.remaining -= quantity
    order.notional += notional
    order.fills += 1
    filled = order.quantity - order.remaining
    due = commission_due(filled, order.notional, settings.costs)
    commission = due - order.charged
    order.charged = due
    if state.fees.day != day:
        state.fees = DayFees(day)
    parts = charge_fees(order.side, quantity, notional, state.fees, settings.costs)
    fees = sum(parts.values(), ZERO)
    signed = order.side.sign
    state.cash -= signed * notional + commission + fees
    hold(state, order.symbol, state.positions.get(order.symbol, ZERO) + signed * quantity)
    return Report(
        client_order_id=order.client_order_id,
        signal_id=order.signal_id,
        symbol=order.symbol,
        kind="fill",
        execution_id=f"paper-{order.number}-{order.fills}",
        quantity=quantity,
        price=price,
        commission=commission,
        fees=fees,
        fee_parts=parts,
    )


def hold(state: PaperState, symbol: str, quantity: Decimal) -> None:
    """Set a position."""
    if quantity:
        state.positions[symbol] = quantity
    else:
        state.positions.pop(symbol, None)


def statement(state: PaperState, currency: str) -> BrokerSnapshot:
    """Return the account as it stands."""
    return BrokerSnapshot(cash=state.cash, currency=currency, positions=dict(state.positions))


def lacking(state: PaperState, order: Resting, settings: PaperSettings) -> Decimal:
    """Return the money that is missing for an order; 0 when it may rest, or when a price that
    would tell is not known yet.
    """
    if settings.account == "cash":
        return _unpaid(state, order, settings)
    symbol, prices = order.symbol, state.prices
    held = state.positions.get(symbol, ZERO)
    resting = state.resting.get(symbol, ())
    before, after = _most(held, resting), _most(held, (*resting, order))
    if after <= before or symbol not in prices:
        return ZERO
    if any(one not in prices for one in state.positions):
        return ZERO
    price = to_price(prices[symbol])
    gross = after * price
    for other in dict.fromkeys((*state.positions, *state.resting)):
        if other != symbol and other in prices:
            most = _most(state.positions.get(other, ZERO), state.resting.get(other, ()))
            gross += most * to_price(prices[other])
    equity = state.cash
    for one, quantity in state.positions.items():
        equity += quantity * to_price(prices[one])
    costs = _foreseen_costs(order.quantity, order.quantity * price, settings)
    return max(gross + costs - equity * settings.leverage, ZERO)


def shortage(state: PaperState, order: Resting, settings: PaperSettings) -> str:
    """Return why a sale of more than is held is refused: `no_short`, `hard_to_borrow`; "" when
    it is not. Sales that rest count as filled.
    """
    if order.side is Side.BUY:
        return ""
    resting = state.resting.get(order.symbol, ())
    selling = sum((o.remaining for o in resting if o.side is Side.SELL), order.quantity)
    if selling <= state.positions.get(order.symbol, ZERO):
        return ""
    if settings.account == "cash" or not settings.allow_short:
        return "no_short"
    return "hard_to_borrow" if order.symbol in settings.hard_to_borrow else ""


def _unpaid(state: PaperState, order: Resting, settings: PaperSettings) -> Decimal:
    """Return what cash lacks to pay every purchase that rests and this one."""
    if order.side is Side.SELL:
        return ZERO
    due = ZERO
    for symbol in dict.fromkeys((*state.resting, order.symbol)):
        if symbol not in state.prices:
            continue
        orders = [o for o in state.resting.get(symbol, ()) if o.side is Side.BUY]
        for buying in [*orders, order] if symbol == order.symbol else orders:
            notional = buying.remaining * to_price(state.prices[symbol])
            due += notional + _foreseen_costs(buying.remaining, notional, settings)
    return max(due - state.cash, ZERO)


def _foreseen_costs(quantity: Decimal, notional: Decimal, settings: PaperSettings) -> Decimal:
    slippage = notional * settings.slippage_bps * BASIS_POINT
    return slippage + commission_due(quantity, notional, settings.costs)


def _most(held: Decimal, orders: Iterable[Resting]) -> Decimal:
    """Return the most shares, long or short, that fills can make of a position."""
    buying = selling = ZERO
    for order in orders:
        if order.side is Side.BUY:
            buying += order.remaining
        else:
            selling += order.remaining
    return max(abs(held + buying), abs(held - selling))
