"""What the paper broker knows: plain data, written by its core alone, JSON in a snapshot."""

from decimal import Decimal

from msgspec import Struct, field

from shared.domain.values import ZERO, OrderType, Side, TimeInForce


class Resting(Struct):
    """An order in the book. `since_ns` is the market time at which it came; `session` the
    session it lives in, "" until one opens; `charged` the commission so far; `is_triggered` says
    that its trigger price was met.
    """

    client_order_id: str
    signal_id: str
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    time_in_force: TimeInForce
    number: int
    since_ns: int
    session: str
    remaining: Decimal
    fills: int = 0
    notional: Decimal = ZERO
    charged: Decimal = ZERO
    trigger_price: Decimal | None = None
    is_triggered: bool = False


class DayFees(Struct):
    """The fees of one New York date so far by kind, not rounded."""

    day: str = ""
    sums: dict[str, Decimal] = field(default_factory=dict)


class Overnight(Struct):
    """What was borrowed when a session ended: shares (positive) and the price per share at the
    close for each symbol held short, and cash.
    """

    session: str
    shorts: dict[str, tuple[Decimal, Decimal]]
    cash: Decimal


class PaperState(Struct):
    """Everything.

    `resting` holds the orders of each symbol in order of arrival; `ticking` the symbols that have
    quotes (2) or trades (1), which then make the prices instead of what is coarser. `killed_seq`
    is the sequence of the kill in force, 0: none.
    """

    cash: Decimal
    now_ns: int = 0
    has_stated: bool = False
    session: str = ""
    is_open: bool = False
    orders: int = 0
    resting_count: int = 0
    positions: dict[str, Decimal] = field(default_factory=dict)
    prices: dict[str, float] = field(default_factory=dict)
    resting: dict[str, list[Resting]] = field(default_factory=dict)
    ticking: dict[str, int] = field(default_factory=dict)
    halted: dict[str, None] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    fees: DayFees = field(default_factory=DayFees)
    overnight: Overnight | None = None
    killed_seq: int = 0
    commands: dict[str, None] = field(default_factory=dict)
