"""How facts change what risk knows of the book: cash, positions, reservations.

An approval reserves its quantity; fills use the reservation up and the order's end releases the
rest. Reservations rest on tape inputs alone: the signal that was approved makes one, execution's
messages about that order consume it (INV-RESERVATION).
"""

from decimal import Decimal

from services.risk.state import UNASSIGNED, Holding, RiskState, Working
from services.risk.valuation import equity_value, money
from shared.domain.errors import InvariantError
from shared.domain.positions import (
    DIVIDEND,
    FLAT,
    SPLIT,
    Position,
    apply_fill,
    dividend,
    is_news,
    split_quantity,
)
from shared.domain.values import ZERO, Side
from shared.messages.market import CorporateAction
from shared.messages.orders import Account, Filled, OrderMessage


def order_key(signal_id: str, strategy_id: str, symbol: str) -> str:
    """Name an approved order before it has an id. One signal makes one order; `flatten`, whose
    id stands in place of a signal's, makes at most one for each strategy and symbol.
    """
    return f"{signal_id} {strategy_id} {symbol}"


def reserve(state: RiskState, key: str, order: Working) -> None:
    """Set an approved order's quantity aside."""
    if key in state.working:
        raise InvariantError("INV-RESERVATION", f"order {key!r} is reserved already")
    state.working[key] = order
    _move_reserved(state, order, order.remaining)


def take_fill(state: RiskState, filled: Filled) -> None:
    """Book one execution: cash, the strategy's position, the book's, the reservation."""
    signed = filled.side.sign * filled.quantity
    costs = filled.commission + filled.fees
    account = state.accounts.setdefault(filled.strategy_id, {})
    after, realized = apply_fill(account.get(filled.symbol, FLAT), signed, filled.price)
    if after.quantity:
        account[filled.symbol] = after
    else:
        account.pop(filled.symbol, None)
    state.session.realized_pnl += realized - costs
    if state.cash is not None:
        _set_cash(state, state.cash - signed * filled.price - costs)
    holding = state.holdings.setdefault(filled.symbol, Holding())
    holding.quantity += signed
    key = order_key(filled.signal_id, filled.strategy_id, filled.symbol)
    order = state.working.get(key)
    if order is None:
        holding.refresh()
    else:
        used = min(filled.quantity, order.remaining)
        order.remaining -= used
        _move_reserved(state, order, -used)  # refreshes what the shares changed, too
    if filled.is_complete:
        end_order(state, filled)
    _forget_if_over(state, filled.symbol)


def end_order(state: RiskState, message: OrderMessage) -> None:
    """Release what an order that is over had reserved and not used."""
    key = order_key(message.signal_id, message.strategy_id, message.symbol)
    order = state.working.pop(key, None)
    if order is not None:
        if order.remaining:
            _move_reserved(state, order, -order.remaining)
        _forget_if_over(state, order.symbol)


def take_account(state: RiskState, account: Account) -> None:
    """Adopt cash and positions as the broker states them.

    What differs from the fold of fills (all of it, on the first statement) belongs to nobody's
    strategy: it goes to the sub-account UNASSIGNED, at no cost because nobody told us any.
    """
    _set_cash(state, account.cash)
    named = list(account.positions)
    named += [symbol for symbol in state.holdings if symbol not in account.positions]
    for symbol in named:
        stated = account.positions.get(symbol, ZERO)
        holding = state.holdings.setdefault(symbol, Holding())
        if stated != holding.quantity:
            _assign(state, symbol, stated - holding.quantity)
            holding.quantity = stated
            holding.refresh()
        _forget_if_over(state, symbol)


def take_action(state: RiskState, action: CorporateAction) -> None:
    """Apply a split or a cash dividend, once, to what is held when it becomes known."""
    if not is_news(state.actions, action.symbol, action.kind, action.ex_date):
        return
    if action.kind == SPLIT:
        _split(state, action.symbol, action.ratio)
    elif action.kind == DIVIDEND and action.symbol in state.holdings and state.cash is not None:
        held = state.holdings[action.symbol].quantity
        _set_cash(state, state.cash + dividend(held, action.cash_per_share))


def settle(state: RiskState) -> Decimal | None:
    """Return equity in cents and remember it as the newest known; None when unknown."""
    value = equity_value(state)
    if value is None:
        return None
    state.last_equity = value
    return money(value)


def _split(state: RiskState, symbol: str, ratio: float) -> None:
    mark = state.marks.get(symbol)
    if mark is not None:
        mark.price /= ratio
    _split_accounts(state, symbol, ratio)
    holding = state.holdings.get(symbol)
    if holding is not None:
        holding.quantity = split_quantity(holding.quantity, ratio)
        holding.refresh()


def _split_accounts(state: RiskState, symbol: str, ratio: float) -> None:
    """Give each strategy its part: what all up to it receive less what those before received,
    so that the parts sum to what the book as a whole receives.
    """
    held = given = ZERO
    for account in state.accounts.values():
        before = account.get(symbol)
        if before is None:
            continue
        held += before.quantity
        whole = split_quantity(held, ratio)
        account[symbol] = Position(whole - given, before.cost)
        given = whole


def _assign(state: RiskState, symbol: str, difference: Decimal) -> None:
    account = state.accounts.setdefault(UNASSIGNED, {})
    after, _ = apply_fill(account.get(symbol, FLAT), difference, ZERO)
    if after.quantity:
        account[symbol] = after
    else:
        account.pop(symbol, None)


def _set_cash(state: RiskState, cash: Decimal) -> None:
    state.cash = cash
    state.cash_value = float(cash)


def _move_reserved(state: RiskState, order: Working, change: Decimal) -> None:
    holding = state.holdings.setdefault(order.symbol, Holding())
    if order.side is Side.BUY:
        holding.buying += change
    else:
        holding.selling += change
    if holding.buying < 0 or holding.selling < 0:
        raise InvariantError("INV-RESERVATION", f"{order.symbol}: more was released than reserved")
    holding.refresh()


def _forget_if_over(state: RiskState, symbol: str) -> None:
    holding = state.holdings.get(symbol)
    if holding is not None and holding.is_over:
        del state.holdings[symbol]
