"""The paper account: cash, positions, and how much it may take on.

A margin account has one rule of buying power: what is held long plus what is held short, resting
orders counted as filled, may not exceed equity times `leverage`. With leverage 1 all longs are
paid from cash and shorts are allowed up to equity, which is stricter than Regulation T's 150 % of
the short's value in the account; 2 is Regulation T's initial margin for longs. A cash account pays
all purchases, resting ones too, from cash, and shorts nothing. Reducing a position is always
allowed. Prices that move afterwards force nobody out.
"""

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
    is_buy = order.side is Side.BUY
    state.cash -= (notional if is_buy else -notional) + commission + fees
    held = state.positions.get(order.symbol, ZERO)
    hold(state, order.symbol, held + quantity if is_buy else held - quantity)
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
    symbol, prices, positions = order.symbol, state.prices, state.positions
    longest, shortest = _bounds(state, symbol)
    grown = order.remaining + (longest if order.side is Side.BUY else shortest)
    if grown <= longest or grown <= shortest or symbol not in prices:
        return ZERO  # the order makes no more of the position than may become of it already
    price = to_price(prices[symbol])
    gross, equity = grown * price, state.cash
    for one, quantity in positions.items():
        if one not in prices:
            return ZERO
        booked = price if one == symbol else to_price(prices[one])
        equity += quantity * booked
        if one != symbol:
            gross += max(_bounds(state, one)) * booked
    for one in state.resting:
        if one != symbol and one not in positions and one in prices:
            gross += max(_bounds(state, one)) * to_price(prices[one])
    costs = _foreseen_costs(order.quantity, order.quantity * price, settings)
    return max(gross + costs - equity * settings.leverage, ZERO)


def shortage(state: PaperState, order: Resting, settings: PaperSettings) -> str:
    """Return why a sale of more than is held is refused: `no_short`, `hard_to_borrow`; "" when
    it is not. Sales that rest count as filled.
    """
    if order.side is Side.BUY:
        return ""
    if order.quantity + _bounds(state, order.symbol)[1] <= ZERO:
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


def _bounds(state: PaperState, symbol: str) -> tuple[Decimal, Decimal]:
    """Return the most shares long and the most short (negative: it stays on the other side) that
    fills of what rests can make of a position. The larger one is the most that it can become.
    """
    longest = state.positions.get(symbol, ZERO)
    shortest = -longest
    for order in state.resting.get(symbol, ()):
        if order.side is Side.BUY:
            longest += order.remaining
        else:
            shortest += order.remaining
    return longest, shortest
