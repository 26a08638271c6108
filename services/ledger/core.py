"""The ledger's core: reads the whole tape, keeps the books, says when a day closed or they differ.

It publishes `closed_day` when a clock shows that the exchange session ended, and `mismatch` when
a statement of the broker differs from the books, once for each difference. Beside its outputs it
derives the rows of the audit trail (`take_rows`), for a host that has a database; they are a
by-product, no decision rests on them.
"""

from decimal import Decimal

import msgspec

from services.ledger import books
from services.ledger.config import BooksSettings
from services.ledger.journal import Entry
from services.ledger.orders import apply_fact, open_order
from services.ledger.recorder import Recorder
from services.ledger.rows import MismatchRow, Row
from services.ledger.state import BooksState
from shared.core import NEVER_NS, Patience, Stamp
from shared.domain.values import ZERO, to_price
from shared.messages.base import Message
from shared.messages.books import ClosedDay, Mismatch
from shared.messages.decisions import Approved, Denied
from shared.messages.market import Bar, Clock, CorporateAction, Quote, Trade
from shared.messages.orders import (
    Account,
    Charged,
    Filled,
    OrderMessage,
    Submitting,
)
from shared.subjects import AGGREGATED, Lane, lane, reading

READS = ("data.>", "strategy.>", "risk.>", "execution.>", "broker.>", "control.>")
CASH = "cash"  # the subject of a mismatch in cash; a symbol otherwise

type Outputs = tuple[Message, ...]


class LedgerCore:
    """The books of one desk's book.

    `keeps_rows` makes the core derive rows for `take_rows`; whoever asks for them must take
    them. It changes neither outputs nor state.
    """

    def __init__(self, settings: BooksSettings, book: str, *, keeps_rows: bool = False) -> None:
        self._settings = settings
        self._lane = lane("ledger", book)
        self._state = BooksState()
        self._recorder = Recorder(book) if keeps_rows else None
        self._patience = Patience()
        if not keeps_rows:
            self._patience = Patience(self._state.unvalued, NEVER_NS, minds_time=False)

    @property
    def lane(self) -> Lane:
        """The lane `ledger.<book>`."""
        return self._lane

    @property
    def reads(self) -> tuple[str, ...]:
        """Everything but its own lane, for the rows; the books alone rest on much less."""
        if self._recorder:
            return READS
        book = self._lane.actor
        return (
            *(reading("data", "*", kind, ">") for kind in ("bar", "quote", "trade", "action")),
            reading("data", "*", "clock"),
            reading("execution", book, "filled", ">"),
            *(reading("execution", book, event) for event in ("account", "charged")),
        )

    @property
    def patience(self) -> Patience:
        """Bars matter to shares that have no cost yet, and otherwise as the newest price. A host
        that wants rows wants one for every clock.
        """
        return self._patience

    @property
    def state(self) -> BooksState:
        """The books as they stand, for reading."""
        return self._state

    def handle(self, stamp: Stamp, message: Message, /) -> Outputs:
        """Apply one message; return `closed_day` and `mismatch` messages."""
        self._state.seq = stamp.seq
        # The frequent ones by type: asking a struct whether it is of another class is dear.
        if type(message) is Bar:
            self._on_bar(stamp, message)
        elif type(message) is Clock:
            return self._on_clock(stamp, message)
        elif type(message) is Filled and stamp.lane.actor == self._lane.actor:
            self._on_filled(stamp, message)
        else:
            return self._on_other(stamp, message)
        return ()

    def take_rows(self, through_seq: int) -> list[Row]:
        """Return the rows of the messages up to `through_seq`, once, in order."""
        return self._recorder.take(through_seq) if self._recorder else []

    def snapshot(self) -> bytes:
        """Return the books as canonical JSON."""
        return _encode(self._state)

    def restore(self, state: bytes, /) -> None:
        """Take over books that `snapshot` wrote; ValueError when they are unusable."""
        try:
            self._state = _decode(state)
        except msgspec.MsgspecError as error:
            raise ValueError(f"not books of this release: {error}") from error
        if self._patience.bars is not None:
            self._patience.bars = self._state.unvalued

    def _on_other(self, stamp: Stamp, message: Message) -> Outputs:
        match message:
            case Quote():
                self._on_quote(stamp, message)
            case Trade():
                self._mark(stamp, message.symbol, message.ticks[-1].price)
            case CorporateAction():
                self._book(stamp, books.apply_action(self._state, message))
            case _ if stamp.lane.actor == self._lane.actor:
                return self._on_book(stamp, message)
            case _:
                pass
        return ()

    # -- market data: marks and time ---------------------------------------------------------

    def _on_bar(self, stamp: Stamp, bar: Bar) -> None:
        if stamp.lane != AGGREGATED:
            self._mark(stamp, bar.symbol, bar.close)

    def _on_quote(self, stamp: Stamp, quote: Quote) -> None:
        mid = quote.ticks[-1].mid
        if mid is not None:
            self._mark(stamp, quote.symbol, mid)

    def _mark(self, stamp: Stamp, symbol: str, price: float) -> None:
        state = self._state
        state.fresh[symbol] = price
        state.now_ns = max(state.now_ns, stamp.ts_ns)
        if symbol in state.unvalued:
            self._book(stamp, books.apply_first_price(state, symbol, to_price(price)))

    def _on_clock(self, stamp: Stamp, clock: Clock) -> Outputs:
        state = self._state
        state.now_ns = max(state.now_ns, stamp.ts_ns)
        session = clock.session if clock.is_open else ""
        outputs: Outputs = ()
        if session != state.session:
            outputs = self._on_bell(stamp, session)
        self._settle_marks()
        if self._recorder and state.held:
            self._recorder.add_equity(stamp, state)
        return outputs

    def _on_bell(self, stamp: Stamp, session: str) -> Outputs:
        state = self._state
        # Prices that came with the first clock of another session are not closing prices.
        if not session:
            self._settle_marks()
        outputs = (self._close_day(stamp),) if state.session and state.is_opened else ()
        state.session = session
        return outputs

    def _settle_marks(self) -> None:
        state = self._state
        state.marks.update(state.fresh)
        state.fresh.clear()

    def _close_day(self, stamp: Stamp) -> ClosedDay:
        state = self._state
        worth = books.value(state)
        day = ClosedDay(
            session=state.session,
            currency=state.currency,
            cash=state.totals.cash,
            equity=state.totals.cash + worth.market_value,
            realized_pnl=state.totals.realized_pnl,
            unrealized_pnl=worth.market_value - worth.cost,
            commission=state.totals.commission,
            fills=state.totals.fills,
            is_balanced=books.is_balanced(state) and not state.mismatches,
        )
        if self._recorder:
            self._recorder.add_closed_day(stamp, day)
        return day

    # -- decisions and orders of this book ---------------------------------------------------

    def _on_book(self, stamp: Stamp, message: Message) -> Outputs:
        match message:
            case Approved() | Denied():
                self._on_decision(stamp, message)
            case Submitting():
                self._on_submitting(stamp, message)
            case OrderMessage():
                self._on_order_fact(stamp, message)
            case Charged():
                self._book(stamp, books.apply_charge(self._state, message))
            case Account():
                return self._on_account(stamp, message)
            case _:
                pass
        return ()

    def _on_decision(self, stamp: Stamp, decision: Approved | Denied) -> None:
        if self._recorder:
            self._recorder.add_decision(stamp, decision)

    def _on_submitting(self, stamp: Stamp, order: Submitting) -> None:
        row = open_order(self._lane.actor, stamp, order)
        self._state.orders[order.order_id] = row
        if self._recorder:
            self._recorder.add(stamp.seq, row)

    def _on_order_fact(self, stamp: Stamp, fact: OrderMessage) -> None:
        row = self._state.orders.get(fact.order_id)
        if row is None:
            return
        row = apply_fact(row, stamp, fact)
        if row.status.is_terminal:
            del self._state.orders[fact.order_id]
        else:
            self._state.orders[fact.order_id] = row
        if self._recorder:
            self._recorder.add(stamp.seq, row)

    def _on_filled(self, stamp: Stamp, fill: Filled) -> None:
        self._on_order_fact(stamp, fill)
        entries, realized = books.apply_fill(self._state, fill)
        if self._recorder:
            self._recorder.add_fill(stamp, fill, realized)
        self._book(stamp, entries)

    # -- the broker's statements -------------------------------------------------------------

    def _on_account(self, stamp: Stamp, account: Account) -> Outputs:
        state = self._state
        if not state.is_opened:
            self._book(stamp, books.apply_opening(state, account))
            return ()
        found: list[Mismatch] = []
        cash = state.totals.cash
        if abs(account.cash - cash) > self._settings.cash_tolerance:
            self._disagree(stamp, found, CASH, cash, account.cash)
        else:
            self._agree(stamp, CASH)
        booked = books.holdings(state)
        for symbol in sorted({**booked, **account.positions}):
            ours, theirs = booked.get(symbol, ZERO), account.positions.get(symbol, ZERO)
            if ours != theirs:
                self._disagree(stamp, found, symbol, ours, theirs)
            else:
                self._agree(stamp, symbol)
        return tuple(found)

    def _disagree(
        self, stamp: Stamp, found: list[Mismatch], subject: str, booked: Decimal, stated: Decimal
    ) -> None:
        """Report a difference unless it is the one that is already reported."""
        known = self._state.mismatches.get(subject)
        if known is not None and known.stated - known.booked == stated - booked:
            return
        self._agree(stamp, subject)
        row = MismatchRow(
            book=self._lane.actor,
            subject=subject,
            opened_seq=stamp.seq,
            ts_ns=stamp.ts_ns,
            booked=booked,
            stated=stated,
            detail=f"the broker states {stated - booked:+f} against the books",
        )
        self._state.mismatches[subject] = row
        if self._recorder:
            self._recorder.add(stamp.seq, row)
        found.append(Mismatch(subject=subject, booked=booked, stated=stated, detail=row.detail))

    def _agree(self, stamp: Stamp, subject: str) -> None:
        known = self._state.mismatches.pop(subject, None)
        if known is not None and self._recorder:
            self._recorder.add(stamp.seq, msgspec.structs.replace(known, settled_seq=stamp.seq))

    def _book(self, stamp: Stamp, entries: list[Entry]) -> None:
        if self._recorder and entries:
            self._recorder.add_entries(stamp, entries, self._state)


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(BooksState).decode
