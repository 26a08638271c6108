"""What the live view knows. Filled by the loop in `live`, drawn by `drawing`; no I/O here.

The books are the ledger's; the view only marks them with the newest prices.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from msgspec import Struct

from console.describe import describe
from services.ledger.queries import PositionView
from shared.core import Stamp
from shared.domain.values import ZERO
from shared.messages.base import Message
from shared.messages.control import Activate, Deactivate, Kill, Quarantine
from shared.messages.decisions import Approved, Denied, Halted, Resumed
from shared.messages.market import Clock
from shared.messages.signals import Signal

HAPPENINGS_MAX = 40  # more than the tallest terminal shows
COMPLAINTS_MAX = 3


class Happening(Struct, frozen=True):
    """One line of the story: what was said, by whom, when."""

    ts_ns: int
    seq: int
    event: str
    actor: str
    text: str


class ServiceHealth(Struct, frozen=True):
    """One instance of a service as it is now; `lag` messages behind the tape.

    `detail` says what is wrong, or what it does when that is not its usual work.
    """

    is_ready: bool
    detail: str
    lag: int
    restarts: int


class Holding(Struct, frozen=True):
    """The desk's position in one symbol, all strategies together."""

    symbol: str
    quantity: Decimal
    average_cost: Decimal
    mark: Decimal | None

    @property
    def unrealized(self) -> Decimal:
        """Profit or loss at the mark, zero while there is none."""
        return ZERO if self.mark is None else self.quantity * (self.mark - self.average_cost)


@dataclass
class Picture:
    """Everything on the screen. Times are nanoseconds UTC, money in the account's currency."""

    title: str
    strategies: dict[str, str]
    starting_equity: Decimal
    cash: Decimal | None = None
    booked_equity: Decimal | None = None
    day_opened_at: Decimal | None = None
    holdings: Sequence[Holding] = ()
    tape_end: int = 0
    rate: float = 0.0
    clock: Clock | None = None
    pace: float = 0.0
    halted: str = ""
    services: dict[str, ServiceHealth] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    decided: deque[Happening] = field(default_factory=lambda: deque(maxlen=HAPPENINGS_MAX))
    traded: deque[Happening] = field(default_factory=lambda: deque(maxlen=HAPPENINGS_MAX))
    complaints: deque[str] = field(default_factory=lambda: deque(maxlen=COMPLAINTS_MAX))
    has_changed: bool = True

    @property
    def equity(self) -> Decimal | None:
        """Cash and positions at the newest marks; what was booked where a mark is missing."""
        if self.cash is None or any(one.mark is None for one in self.holdings):
            return self.booked_equity
        return sum((one.quantity * (one.mark or ZERO) for one in self.holdings), self.cash)

    @property
    def day_pnl(self) -> Decimal | None:
        """Equity against the close of the session before."""
        if self.equity is None:
            return None
        return self.equity - (self.day_opened_at or self.starting_equity)

    def take(self, stamp: Stamp, message: Message) -> None:
        """Take one message of the tape."""
        self.has_changed = True
        event = str(message.__struct_config__.tag)
        self.counts[event] = self.counts.get(event, 0) + 1
        lane = stamp.lane
        happening = Happening(stamp.ts_ns, stamp.seq, event, lane.actor, describe(message))
        if isinstance(message, Signal | Approved | Denied):
            self.decided.appendleft(happening)
        elif lane.service == "execution" and event not in ("state", "account"):
            self.traded.appendleft(happening)
        elif isinstance(message, Halted | Kill):
            self.halted = happening.text
            self.decided.appendleft(happening)
        elif isinstance(message, Resumed):
            self.halted = ""
            self.decided.appendleft(happening)
        elif isinstance(message, Activate | Deactivate | Quarantine):
            states = {Activate: "active", Deactivate: "inactive", Quarantine: "quarantined"}
            self.strategies[message.strategy_id] = states[type(message)]

    def complain(self, text: str) -> None:
        """Show what a person should know about the machinery."""
        self.has_changed = True
        if text not in self.complaints:
            self.complaints.appendleft(text)


def holdings_of(
    positions: Sequence[PositionView], marks: dict[str, Decimal]
) -> tuple[Holding, ...]:
    """Sum the strategies' positions by symbol; `marks` go before the ledger's own."""
    by_symbol: dict[str, list[PositionView]] = {}
    for position in positions:
        by_symbol.setdefault(position.symbol, []).append(position)
    return tuple(_sum(symbol, by_symbol[symbol], marks) for symbol in sorted(by_symbol))


def _sum(symbol: str, parts: list[PositionView], marks: dict[str, Decimal]) -> Holding:
    quantity = sum((part.quantity for part in parts), ZERO)
    cost = sum((part.quantity * part.average_cost for part in parts), ZERO)
    average = cost / quantity if quantity else ZERO
    mark = marks.get(symbol, parts[0].mark)
    return Holding(symbol, quantity, average, mark)
