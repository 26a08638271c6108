"""A desk over the market data of a tape, in one process: decisions, fills, and what it is worth.

Only market data is taken from the tape. Operators' commands are not given again, except that the
strategies that were ever activated are active from the start.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct

from console.collector import without_collector
from console.configuration import DeskConfiguration
from console.in_process import actors_of, books_of
from services.ledger import books
from shared.core import Stamp
from shared.domain.values import ZERO, Timeframe
from shared.messages.base import Message
from shared.messages.decisions import Approved, Denied
from shared.messages.market import Clock
from shared.messages.orders import Filled
from shared.messages.signals import Signal
from shared.runtime.drain import Drain
from shared.runtime.routes import Listener
from shared.runtime.source import TimeSlice
from shared.subjects import lane
from shared.tape.entry import Entry


class Key(NamedTuple):
    """What makes two decisions the same one."""

    strategy_id: str
    symbol: str
    intent: str
    side: str


class Decision(Struct):
    """One signal and what became of it. `value` is what its fills cost, `bought` their shares
    with a sign; `failed` names the checks that denied it.
    """

    key: Key
    ts_ns: int
    quantity: Decimal = ZERO
    failed: tuple[str, ...] = ()
    is_approved: bool = False
    bought: Decimal = ZERO
    paid: Decimal = ZERO
    fees: Decimal = ZERO
    filled_ns: int = 0

    @property
    def price(self) -> Decimal:
        """The mean price of its fills."""
        return self.paid / self.bought if self.bought else ZERO


class Outcome(Struct):
    """Decisions in the order of their signals, and the account at the end."""

    decisions: list[Decision]
    cash: Decimal = ZERO
    equity: Decimal = ZERO


class Notes:
    """Writes down decisions, of a rerun as its listener or of a tape message by message."""

    reads = ("strategy.*.signal.>", "risk.>", "execution.>")

    def __init__(self) -> None:
        self.by_signal: dict[str, Decision] = {}

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Take one message."""
        match message:
            case Signal():
                key = Key(message.strategy_id, message.symbol, message.intent, message.side)
                self.by_signal[stamp.id] = Decision(key, stamp.ts_ns)
            case Approved() if message.signal_id in self.by_signal:
                found = self.by_signal[message.signal_id]
                found.is_approved, found.quantity = True, message.quantity
            case Denied() if message.signal_id in self.by_signal:
                found = self.by_signal[message.signal_id]
                found.quantity = message.quantity
                found.failed = tuple(check.code for check in message.reasons)
            case Filled() if message.signal_id in self.by_signal:
                found = self.by_signal[message.signal_id]
                signed = message.side.sign * message.quantity
                found.bought += signed
                found.paid += signed * message.price
                found.fees += message.commission + message.fees
                found.filled_ns = stamp.ts_ns
            case _:
                pass
        return ()

    @property
    def decisions(self) -> list[Decision]:
        """The decisions, in the order of their signals."""
        return list(self.by_signal.values())


def slices_of(entries: Iterable[Entry], feed: str) -> Iterator[TimeSlice]:
    """Yield what a feed played, slice by slice; what stands after its last clock is left out."""
    gathered: list[Message] = []
    prefix = f"data.{feed}."
    for entry in entries:
        if not entry.subject.startswith(prefix) or entry.subject == f"{prefix}state":
            continue
        stamp, message = entry.open()
        gathered.append(message)
        if isinstance(message, Clock):
            yield TimeSlice(stamp.ts_ns, tuple(gathered))
            gathered = []


def rerun(
    desk: DeskConfiguration,
    tape_id: str,
    native: Timeframe | None,
    slices: Iterable[TimeSlice],
    listeners: Sequence[Listener] = (),
) -> Outcome:
    """Play slices through a desk; ConfigurationError for a strategy that cannot be made.

    `listeners` hear what they read, after everybody else.
    """
    notes, ledger = Notes(), books_of(desk)
    drain = Drain(actors_of(desk, tape_id, native, ledger), tape_id, listeners=[notes, *listeners])
    drain.be_born()
    feed = lane("data", desk.data.feed)
    with without_collector():
        for part in slices:
            drain.play(feed, part)
    cash = ledger.state.totals.cash
    return Outcome(notes.decisions, cash, cash + books.value(ledger.state).market_value)


def recorded(entries: Iterable[Entry]) -> list[Decision]:
    """Return the decisions that a tape holds."""
    notes = Notes()
    for entry in entries:
        service, _, event, *_ = entry.subject.split(".", 3)
        if (service, event) in _TOLD:
            notes.handle(*entry.open())
    return notes.decisions


_TOLD = {
    ("strategy", "signal"), ("risk", "approved"), ("risk", "denied"), ("execution", "filled"),
}  # fmt: skip
