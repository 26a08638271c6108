"""The rows that the ledger derives, as plain structs: one struct a table, one field a column.

The field order is the column order of `schema` (a test compares them), so that a row becomes a
database record without a mapping. Money and shares are `Decimal`, times nanoseconds UTC. `seq`
is the tape sequence of the message that a row comes from.
"""

from decimal import Decimal

from msgspec import Struct

from shared.domain.orders import OrderStatus
from shared.domain.values import ZERO, Intent, OrderType, Side, TimeInForce


class OrderRow(Struct, frozen=True, kw_only=True):
    """An order as it stands after `updated_seq`; key (book, order_id)."""

    book: str
    order_id: str
    client_order_id: str
    signal_id: str
    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    order_type: OrderType
    time_in_force: TimeInForce
    quantity: Decimal
    limit_price: Decimal | None
    opened_seq: int
    opened_ns: int
    status: OrderStatus = OrderStatus.PENDING
    broker_order_id: str = ""
    filled_quantity: Decimal = ZERO
    filled_notional: Decimal = ZERO
    commission: Decimal = ZERO
    fees: Decimal = ZERO
    reason: str = ""
    updated_seq: int = 0
    updated_ns: int = 0


class FillRow(Struct, frozen=True, kw_only=True):
    """One execution; key (book, execution_id). `realized_pnl` is before commission and fees."""

    book: str
    execution_id: str
    seq: int
    ts_ns: int
    order_id: str
    signal_id: str
    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    quantity: Decimal
    price: Decimal
    commission: Decimal
    fees: Decimal
    realized_pnl: Decimal


class PositionRow(Struct, frozen=True, kw_only=True):
    """What one strategy holds of one symbol; key (book, strategy_id, symbol).

    `cost` over `quantity` is the average cost. The strategy "" holds what was there before the
    desk.
    """

    book: str
    strategy_id: str
    symbol: str
    quantity: Decimal
    cost: Decimal
    realized_pnl: Decimal
    seq: int
    ts_ns: int


class EquityRow(Struct, frozen=True, kw_only=True):
    """The worth of the books at the end of one minute of market time; key (book, minute_ns).

    `marks` is JSON text: the price (decimal text) at which each holding was valued.
    """

    book: str
    minute_ns: int
    seq: int
    ts_ns: int
    cash: Decimal
    market_value: Decimal
    equity: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    dividends: Decimal
    commission: Decimal
    fees: Decimal
    marks: str


class EntryRow(Struct, frozen=True, kw_only=True):
    """One journal entry; key (book, seq, entry), `entry` counting from 0 within a message."""

    book: str
    seq: int
    entry: int
    ts_ns: int
    kind: str
    symbol: str
    strategy_id: str


class LineRow(Struct, frozen=True, kw_only=True):
    """One line of an entry; key (book, seq, entry, line). Debits are positive."""

    book: str
    seq: int
    entry: int
    line: int
    account: str
    amount: Decimal
    quantity: Decimal


class DecisionRow(Struct, frozen=True, kw_only=True):
    """What risk decided about a signal; key (book, seq). `checks` is JSON text."""

    book: str
    seq: int
    ts_ns: int
    signal_id: str
    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    is_approved: bool
    quantity: Decimal
    checks: str


class ClosedDayRow(Struct, frozen=True, kw_only=True):
    """The books at the close of a session; key (book, session). Totals run from the opening."""

    book: str
    session: str
    seq: int
    ts_ns: int
    currency: str
    cash: Decimal
    equity: Decimal
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    commission: Decimal
    fills: int
    is_balanced: bool


class MismatchRow(Struct, frozen=True, kw_only=True):
    """A disagreement with the broker, open until `settled_seq`; key (book, subject, opened_seq)."""

    book: str
    subject: str
    opened_seq: int
    ts_ns: int
    booked: Decimal
    stated: Decimal
    detail: str
    settled_seq: int | None = None


type Row = (
    OrderRow
    | FillRow
    | PositionRow
    | EquityRow
    | EntryRow
    | LineRow
    | DecisionRow
    | ClosedDayRow
    | MismatchRow
)
