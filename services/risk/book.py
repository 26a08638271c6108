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
    holding = _holding(state, order.symbol)
    _move_reserved(holding, order, order.remaining)
    holding.refresh()


def take_fill(state: RiskState, filled: Filled) -> None:
    """Book one execution: cash, the strategy's position, the book's, the reservation."""
    signed = filled.quantity if filled.side is Side.BUY else -filled.quantity
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
    holding = _holding(state, filled.symbol)
    holding.quantity += signed
    key = order_key(filled.signal_id, filled.strategy_id, filled.symbol)
    order = state.working.get(key)
    if order is not None:
        used = min(filled.quantity, order.remaining)
        order.remaining -= used
        _move_reserved(holding, order, -used)
        if filled.is_complete:
            _end(state, key, order, holding)
    _refresh(state, filled.symbol, holding)


def end_order(state: RiskState, message: OrderMessage) -> None:
    """Release what an order that is over had reserved and not used."""
    key = order_key(message.signal_id, message.strategy_id, message.symbol)
    order = state.working.get(key)
    if order is not None:
        holding = _holding(state, order.symbol)
        _end(state, key, order, holding)
        _refresh(state, order.symbol, holding)


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
        holding = _holding(state, symbol)
        if stated != holding.quantity:
            _assign(state, symbol, stated - holding.quantity)
            holding.quantity = stated
        _refresh(state, symbol, holding)


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


def _end(state: RiskState, key: str, order: Working, holding: Holding) -> None:
    del state.working[key]
    if order.remaining:
        _move_reserved(holding, order, -order.remaining)


def _move_reserved(holding: Holding, order: Working, change: Decimal) -> None:
    if order.side is Side.BUY:
        left = holding.buying = holding.buying + change
    else:
        left = holding.selling = holding.selling + change
    if left < ZERO:
        raise InvariantError("INV-RESERVATION", f"{order.symbol}: more was released than reserved")


def _holding(state: RiskState, symbol: str) -> Holding:
    holding = state.holdings.get(symbol)
    if holding is None:
        holding = state.holdings[symbol] = Holding()
    return holding


def _refresh(state: RiskState, symbol: str, holding: Holding) -> None:
    """After a change: forget the holding when it is over, derive its numbers otherwise."""
    if holding.is_over:
        del state.holdings[symbol]
    else:
        holding.refresh()
