"""The double-entry journal: every economic event as lines that sum to zero.

Money is exact `Decimal`, never rounded here: what a fill moves is quantity times price, to the
last digit, so nothing can leak. Positive amounts are debits (assets and expenses grow), negative
amounts credits (equity and income grow). Positions stand at cost; a short position is a negative
asset. Lines of `Assets:Positions:<SYM>` carry the change in shares beside the change in money.
"""

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from shared.domain.errors import InvariantError
from shared.domain.values import ZERO

CASH = "Assets:Cash"
POSITIONS = "Assets:Positions:"
OPENING = "Equity:Opening"
REALIZED = "Income:Realized"
DIVIDENDS = "Income:Dividends"
COMMISSION = "Expenses:Commission"
FEES = "Expenses:Fees"
BORROW = "Expenses:Borrow"
INTEREST = "Expenses:Interest"

CHARGE = "charge"  # the kind of entry that touches no position


class Line(Struct, frozen=True):
    """One account's part of an entry: money, and shares when the account holds shares."""

    account: str
    amount: Decimal
    quantity: Decimal = ZERO


class Entry(Struct, frozen=True):
    """One economic event. `kind`: opening, valuation, fill, dividend, charge or split."""

    kind: str
    lines: tuple[Line, ...]
    symbol: str = ""
    strategy_id: str = ""


def position_account(symbol: str) -> str:
    """Return the account that holds a symbol at cost."""
    return POSITIONS + symbol


def derive_opening(cash: Decimal) -> Entry:
    """Open the books with the cash that the broker states."""
    return _entry("opening", (Line(CASH, cash), Line(OPENING, -cash)))


def derive_holding(symbol: str, quantity: Decimal, cost: Decimal) -> Entry:
    """Take shares that were there before the desk into the books at `cost`."""
    lines = (Line(position_account(symbol), cost, quantity), Line(OPENING, -cost))
    return _entry("opening", lines, symbol)


def derive_valuation(symbol: str, cost: Decimal) -> Entry:
    """Give opening shares their cost, once the first price of the symbol is known."""
    return _entry("valuation", (Line(position_account(symbol), cost), Line(OPENING, -cost)), symbol)


def derive_fill(
    symbol: str,
    strategy_id: str,
    *,
    quantity: Decimal,
    notional: Decimal,
    cost: Decimal,
    commission: Decimal,
    fees: Decimal,
) -> Entry:
    """Book one execution.

    `quantity` and `notional` (quantity times price) are positive for a buy, `cost` is the
    change of the position at cost; what remains between the last two was gained or lost.
    """
    lines = (
        Line(CASH, -notional - commission - fees),
        Line(position_account(symbol), cost, quantity),
        Line(REALIZED, notional - cost),
        Line(COMMISSION, commission),
        Line(FEES, fees),
    )
    return _entry("fill", lines, symbol, strategy_id)


def derive_dividend(symbol: str, strategy_id: str, amount: Decimal) -> Entry:
    """Book a cash dividend; a short position pays it (negative amount)."""
    lines = (Line(CASH, amount), Line(DIVIDENDS, -amount))
    return _entry("dividend", lines, symbol, strategy_id)


def derive_charge(symbol: str, strategy_id: str, expense: str, amount: Decimal) -> Entry:
    """Book what was borrowed overnight cost: `expense` is BORROW or INTEREST."""
    return _entry(CHARGE, (Line(CASH, -amount), Line(expense, amount)), symbol, strategy_id)


def derive_split(symbol: str, strategy_id: str, quantity: Decimal) -> Entry:
    """Book the change in shares of a split; no money moves."""
    return _entry("split", (Line(position_account(symbol), ZERO, quantity),), symbol, strategy_id)


def _entry(kind: str, lines: Iterable[Line], symbol: str = "", strategy_id: str = "") -> Entry:
    """Drop empty lines and check what makes double entry worth its name."""
    kept, total = [], ZERO
    for line in lines:
        amount = line.amount
        if amount or line.quantity:
            kept.append(line)
            total += amount
    if total:
        raise InvariantError(
            "INV-JOURNAL-ZERO", f"a {kind} entry of {symbol or 'cash'} sums to {total}"
        )
    return Entry(kind, tuple(kept), symbol, strategy_id)
