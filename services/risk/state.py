"""What risk knows: plain data, written by the core alone, JSON in a snapshot.

Quantities and money that were booked are `Decimal`. Marks and the figures derived from them are
`float`, in the account's currency; `valuation` turns them into cents where a limit is compared.
"""

from decimal import Decimal

from msgspec import Struct, field

from shared.domain.positions import Position
from shared.domain.values import ZERO, Intent, Side, Timeframe

UNASSIGNED = ""
"""The sub-account of what the broker holds and no strategy of this desk bought."""


class Mark(Struct):
    """The last price of a symbol and its time.

    `timeframe` is that of the shortest bars seen, None once there were ticks: how soon the next
    price is due.
    """

    price: float
    ts_ns: int
    timeframe: Timeframe | None

    @property
    def spacing_s(self) -> int:
        """Seconds from one price to the next; 0 for ticks."""
        return 0 if self.timeframe is None else self.timeframe.seconds

    def expect(self, timeframe: Timeframe | None) -> None:
        """Note another interval between prices; the shortest counts."""
        if timeframe is None or timeframe.seconds < self.spacing_s:
            self.timeframe = timeframe


class Holding(Struct):
    """The book's position in one symbol, over all strategies.

    `buying` and `selling` are what approved orders may still buy and sell. `net` and
    `gross` are numbers: the shares now, and the most shares, long or short, that fills of either
    side can make of them.
    """

    quantity: Decimal = ZERO
    buying: Decimal = ZERO
    selling: Decimal = ZERO
    net: float = 0.0
    gross: float = 0.0

    def refresh(self) -> None:
        """Derive the numbers after a change."""
        self.net = net = float(self.quantity)
        if self.buying or self.selling:
            self.gross = float(max(self.quantity + self.buying, self.selling - self.quantity))
        else:
            self.gross = abs(net)

    @property
    def is_over(self) -> bool:
        """True when nothing is held and nothing can come."""
        return not (self.quantity or self.buying or self.selling)


class Working(Struct):
    """An approved order that is not over. `price` is what it was judged at, per share."""

    strategy_id: str
    symbol: str
    side: Side
    intent: Intent
    remaining: Decimal
    price: Decimal


class Halt(Struct, frozen=True):
    """Why the desk does not trade, and the sequence of the input that stopped it."""

    code: str
    seq: int
    operator: str = ""
    detail: str = ""


class Session(Struct):
    """The exchange session: what equity was when it began and what fills have realised since.

    `alarm` is the equity at or below which the session's loss reaches its limit.
    """

    date: str = ""
    equity: Decimal | None = None
    alarm: float = 0.0
    realized_pnl: Decimal = ZERO


class RiskState(Struct):
    """Everything."""

    now_ns: int = 0
    cash: Decimal | None = None
    cash_value: float = 0.0
    last_equity: float | None = None
    session: Session = field(default_factory=Session)
    marks: dict[str, Mark] = field(default_factory=dict)
    holdings: dict[str, Holding] = field(default_factory=dict)
    accounts: dict[str, dict[str, Position]] = field(default_factory=dict)
    working: dict[str, Working] = field(default_factory=dict)
    halted_symbols: dict[str, str] = field(default_factory=dict)
    killed: Halt | None = None
    halted: Halt | None = None
    commands: dict[str, None] = field(default_factory=dict)
    actions: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    limits_seq: int = 0
