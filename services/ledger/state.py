"""What the ledger knows, as plain data; `books` and `core` alone write it."""

from decimal import Decimal

from msgspec import Struct, field

from services.ledger.rows import MismatchRow, OrderRow
from shared.domain.positions import FLAT, Position
from shared.domain.values import ZERO


class Lot(Struct, frozen=True):
    """What one strategy holds of one symbol, and what it realised before commission."""

    position: Position = FLAT
    realized_pnl: Decimal = ZERO


class Totals(Struct):
    """Running totals since the books were opened; money. Folded apart from the journal."""

    cash: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    dividends: Decimal = ZERO
    commission: Decimal = ZERO
    fees: Decimal = ZERO
    borrow: Decimal = ZERO
    interest: Decimal = ZERO
    fills: int = 0


class BooksState(Struct):
    """Everything the core must remember.

    `lots` goes from symbol to strategy to lot, `held` counts those that are not flat;
    `balances` goes from account to its sum. `marks` are the prices that the books stand at,
    `fresh` those seen since the last clock. `actions` remembers the corporate actions already
    applied, `unvalued` the symbols of the opening that still wait for a first price. `session`
    is the exchange session that is open, "" when none is.
    """

    currency: str = ""
    is_opened: bool = False
    totals: Totals = field(default_factory=Totals)
    lots: dict[str, dict[str, Lot]] = field(default_factory=dict)
    held: int = 0
    balances: dict[str, Decimal] = field(default_factory=dict)
    marks: dict[str, float] = field(default_factory=dict)
    fresh: dict[str, float] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    unvalued: list[str] = field(default_factory=list)
    orders: dict[str, OrderRow] = field(default_factory=dict)
    mismatches: dict[str, MismatchRow] = field(default_factory=dict)
    session: str = ""
    now_ns: int = 0
    seq: int = 0
