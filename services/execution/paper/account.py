"""The paper account: cash, positions, and how much it may take on.

One rule of buying power: what is held long plus what is held short, resting orders counted as
filled, may not exceed equity times `leverage`. For purchases with leverage 1 that is a cash
account (all longs paid from cash); shorts are allowed up to equity, which is stricter than
Regulation T's 150 % of the short's value in the account. Reducing a position is always allowed.
Borrowing costs nothing here, and prices that move afterwards force nobody out.
"""

from decimal import Decimal

from services.execution.config import PaperSettings
from services.execution.paper.costs import commission_due, regulatory_fees
from services.execution.paper.pricing import BASIS_POINT
from services.execution.paper.state import PaperState, Resting
from shared.domain.values import ZERO, Side, to_price
from shared.messages.broker import BrokerSnapshot, Report


def execute(
    state: PaperState, order: Resting, quantity: Decimal, price: Decimal, settings: PaperSettings
) -> Report:
    """Fill `quantity` shares of an order at `price`: move cash and shares, and report it."""
    notional = quantity * price
    order.remaining -= quantity
    order.notional += notional
    order.fills += 1
    filled = order.quantity - order.remaining
    due = commission_due(filled, order.notional, settings.costs)
    commission = due - order.charged
    order.charged = due
    fees = regulatory_fees(order.side, quantity, notional, settings.costs)
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
    if any(symbol not in state.prices for symbol in (*state.positions, order.symbol)):
        return ZERO
    before, after = _gross(state, None), _gross(state, order)
    if after <= before:
        return ZERO
    equity = state.cash
    for symbol, quantity in state.positions.items():
        equity += quantity * to_price(state.prices[symbol])
    notional = order.quantity * to_price(state.prices[order.symbol])
    costs = commission_due(order.quantity, notional, settings.costs)
    costs += notional * settings.slippage_bps * BASIS_POINT
    return max(after + costs - equity * settings.leverage, ZERO)


def _gross(state: PaperState, candidate: Resting | None) -> Decimal:
    """Return the largest value, long and short added up, that fills can make of the account."""
    symbols = dict.fromkeys((*state.positions, *state.resting))
    if candidate is not None:
        symbols[candidate.symbol] = None
    total = ZERO
    for symbol in symbols:
        orders = state.resting.get(symbol, [])
        if candidate is not None and candidate.symbol == symbol:
            orders = [*orders, candidate]
        held = state.positions.get(symbol, ZERO)
        buying = sum((o.remaining for o in orders if o.side is Side.BUY), ZERO)
        selling = sum((o.remaining for o in orders if o.side is Side.SELL), ZERO)
        if symbol in state.prices:
            most = max(abs(held + buying), abs(held - selling))
            total += most * to_price(state.prices[symbol])
    return total
