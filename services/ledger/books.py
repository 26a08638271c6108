"""The accounting fold: economic events in, journal entries out, state brought up to date.

Every event is applied twice, in two ways that must agree: to the totals and lots directly, and
to the account balances through the journal (`is_balanced`). Each strategy has its own lots, so
that its result is its own; the desk's position is their sum.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from services.ledger import journal
from services.ledger.journal import Entry
from services.ledger.state import BooksState, Lot
from shared.domain import positions
from shared.domain.positions import DIVIDEND, SPLIT, Position
from shared.domain.values import ZERO, Side, to_cents, to_price
from shared.messages.market import CorporateAction
from shared.messages.orders import Account, Charged, Filled

UNASSIGNED = ""  # the strategy of shares that were there before the desk


def apply_opening(state: BooksState, account: Account) -> list[Entry]:
    """Open the books with the first statement of the broker.

    It names no cost: shares come in at the last price seen, or at the first one to come.
    """
    state.is_opened = True
    state.currency = account.currency
    state.totals.cash += account.cash
    entries = [journal.derive_opening(account.cash)]
    for symbol in sorted(account.positions):
        quantity = account.positions[symbol]
        if quantity == 0:
            continue
        mark = _last_price(state, symbol)
        cost = ZERO if mark is None else quantity * mark
        if mark is None:
            state.unvalued.append(symbol)
        held = _lot(state, symbol, UNASSIGNED)
        after = Position(held.position.quantity + quantity, held.position.cost + cost)
        _replace(state, symbol, UNASSIGNED, held, Lot(after, held.realized_pnl))
        entries.append(journal.derive_holding(symbol, quantity, cost))
    return _post(state, entries)


def apply_first_price(state: BooksState, symbol: str, price: Decimal) -> list[Entry]:
    """Give the opening shares of a symbol the cost that the opening could not know."""
    state.unvalued.remove(symbol)
    held = _lot(state, symbol, UNASSIGNED)
    cost = held.position.quantity * price
    after = Position(held.position.quantity, held.position.cost + cost)
    _replace(state, symbol, UNASSIGNED, held, Lot(after, held.realized_pnl))
    return _post(state, [journal.derive_valuation(symbol, cost)])


def apply_fill(state: BooksState, fill: Filled) -> tuple[list[Entry], Decimal]:
    """Book one execution; return its entries and what it realised."""
    symbol, strategy_id, price = fill.symbol, fill.strategy_id, fill.price
    commission, fees = fill.commission, fill.fees
    valued = apply_first_price(state, symbol, price) if symbol in state.unvalued else []
    before = _lot(state, symbol, strategy_id)
    quantity = fill.quantity if fill.side is Side.BUY else -fill.quantity
    after, realized = positions.apply_fill(before.position, quantity, price)
    _replace(state, symbol, strategy_id, before, Lot(after, before.realized_pnl + realized))
    notional = quantity * price
    totals = state.totals
    totals.cash -= notional + commission + fees
    totals.realized_pnl += realized
    totals.commission += commission
    totals.fees += fees
    totals.fills += 1
    entry = journal.derive_fill(
        symbol,
        strategy_id,
        quantity=quantity,
        notional=notional,
        cost=after.cost - before.position.cost,
        commission=commission,
        fees=fees,
    )
    return valued + _post(state, [entry]), realized


def apply_action(state: BooksState, action: CorporateAction) -> list[Entry]:
    """Apply a split or a cash dividend, once, to every lot of its symbol that is held."""
    if not positions.is_news(state.actions, action.symbol, action.kind, action.ex_date):
        return []
    if action.kind == SPLIT:
        return _split(state, action.symbol, action.ratio)
    if action.kind == DIVIDEND:
        return _dividend(state, action.symbol, action.cash_per_share)
    return []


def apply_charge(state: BooksState, charge: Charged) -> list[Entry]:
    """Book money that the broker took and that belongs to no execution.

    What belongs to a symbol is shared out by the lots that are held; what to none, or to a symbol
    that is not held any more, stands under UNASSIGNED.
    """
    totals = state.totals
    totals.cash -= charge.amount
    if charge.kind == "borrow":
        totals.borrow += charge.amount
        expense = journal.BORROW
    else:
        totals.interest += charge.amount
        expense = journal.INTEREST
    held = _sum(state.lots.get(charge.symbol, {})).quantity
    parts = [(UNASSIGNED, charge.amount)]
    if held:
        parts = _shared_out(state, charge.symbol, lambda q: to_cents(charge.amount * q / held))
    entries = [
        journal.derive_charge(charge.symbol, strategy_id, expense, amount)
        for strategy_id, amount in parts
        if amount
    ]
    return _post(state, entries)


class Valuation(NamedTuple):
    """The worth of all positions, their cost, and the prices that went into it."""

    market_value: Decimal
    cost: Decimal
    marks: dict[str, Decimal]


def value(state: BooksState) -> Valuation:
    """Value the desk's positions at their marks; one without a mark stands at cost."""
    total = cost = ZERO
    marks: dict[str, Decimal] = {}
    for symbol, lots in state.lots.items():
        held = _sum(lots)
        cost += held.cost
        if held.quantity == 0:
            continue
        price = state.marks.get(symbol)
        if price is None:
            total += held.cost
        else:
            marks[symbol] = to_price(price)
            total += held.quantity * marks[symbol]
    return Valuation(total, cost, marks)


def holdings(state: BooksState) -> dict[str, Decimal]:
    """Return the desk's shares of each symbol that was ever held."""
    return {symbol: _sum(lots).quantity for symbol, lots in state.lots.items()}


def shares_of(state: BooksState, symbol: str) -> Decimal:
    """Return the desk's shares of one symbol."""
    quantity = ZERO
    for lot in state.lots.get(symbol, {}).values():
        quantity += lot.position.quantity
    return quantity


def is_balanced(state: BooksState) -> bool:
    """Tell whether the journal sums to zero and agrees with the totals and the lots."""
    balances, totals = state.balances, state.totals
    expected = {
        journal.CASH: totals.cash,
        journal.REALIZED: -totals.realized_pnl,
        journal.DIVIDENDS: -totals.dividends,
        journal.COMMISSION: totals.commission,
        journal.FEES: totals.fees,
        journal.BORROW: totals.borrow,
        journal.INTEREST: totals.interest,
    }
    for symbol, lots in state.lots.items():
        expected[journal.position_account(symbol)] = _sum(lots).cost
    return sum(balances.values(), ZERO) == 0 and all(
        balances.get(account, ZERO) == amount for account, amount in expected.items()
    )


def faults(state: BooksState) -> Iterator[str]:
    """Say in sentences what does not balance: the journal, or the broker's statements."""
    if not is_balanced(state):
        yield "the journal does not agree with the totals and the lots"
    for subject in sorted(state.mismatches):
        row = state.mismatches[subject]
        yield f"the broker states {row.stated:f} of {subject}, the books {row.booked:f}"


def _split(state: BooksState, symbol: str, ratio: float) -> list[Entry]:
    def grown(quantity: Decimal) -> Decimal:
        return positions.split_quantity(quantity, ratio)

    entries = []
    for strategy_id, quantity in _shared_out(state, symbol, grown):
        lot = _lot(state, symbol, strategy_id)
        after = Lot(Position(quantity, lot.position.cost), lot.realized_pnl)
        _replace(state, symbol, strategy_id, lot, after)
        gained = quantity - lot.position.quantity
        entries.append(journal.derive_split(symbol, strategy_id, gained))
    # Until the first price after the split, the old one is worth its part of the new shares.
    for prices in (state.marks, state.fresh):
        if symbol in prices:
            prices[symbol] /= ratio
    return _post(state, entries)


def _dividend(state: BooksState, symbol: str, cash_per_share: float) -> list[Entry]:
    def paid(quantity: Decimal) -> Decimal:
        return positions.dividend(quantity, cash_per_share)

    entries = []
    for strategy_id, amount in _shared_out(state, symbol, paid):
        if amount == 0:
            continue
        state.totals.cash += amount
        state.totals.dividends += amount
        entries.append(journal.derive_dividend(symbol, strategy_id, amount))
    return _post(state, entries)


def _shared_out(
    state: BooksState, symbol: str, share: Callable[[Decimal], Decimal]
) -> list[tuple[str, Decimal]]:
    """Give each lot that is held its part of what the desk's whole position receives.

    The broker rounds once, for the whole. The part of a lot is the share of all lots up to it,
    less the share of those before it, so that the parts sum to what the broker pays.
    """
    parts = []
    quantity = given = ZERO
    # By name: the order must survive a snapshot, which sorts.
    for strategy_id, lot in sorted(state.lots.get(symbol, {}).items(), key=itemgetter(0)):
        if lot.position.quantity == 0:
            continue
        quantity += lot.position.quantity
        whole = share(quantity)
        parts.append((strategy_id, whole - given))
        given = whole
    return parts


def _lot(state: BooksState, symbol: str, strategy_id: str) -> Lot:
    return state.lots.get(symbol, {}).get(strategy_id, _NOTHING)


def _replace(state: BooksState, symbol: str, strategy_id: str, before: Lot, after: Lot) -> None:
    state.lots.setdefault(symbol, {})[strategy_id] = after
    state.held += bool(after.position.quantity) - bool(before.position.quantity)


def _sum(lots: dict[str, Lot]) -> Position:
    quantity = cost = ZERO
    for lot in lots.values():
        quantity += lot.position.quantity
        cost += lot.position.cost
    return Position(quantity, cost)


def _last_price(state: BooksState, symbol: str) -> Decimal | None:
    price = state.fresh.get(symbol, state.marks.get(symbol))
    return None if price is None else to_price(price)


def _post(state: BooksState, entries: list[Entry]) -> list[Entry]:
    balances = state.balances
    for entry in entries:
        for line in entry.lines:
            balances[line.account] = balances.get(line.account, ZERO) + line.amount
    return entries


_NOTHING = Lot()
