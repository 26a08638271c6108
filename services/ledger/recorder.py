"""Derives database rows from what the core just booked, and keeps them until they are taken.

What becomes a row, and when: a decision, an order, a fill or a journal entry when its message is
handled; a position when an entry touches it; the worth of the books at every entry and, while
anything is held, at every clock, of which the database keeps the last one a minute. Market data
alone makes no row.
"""

from decimal import Decimal

import msgspec

from services.ledger import books
from services.ledger.journal import CHARGE, Entry
from services.ledger.rows import (
    ClosedDayRow,
    DecisionRow,
    EntryRow,
    EquityRow,
    FillRow,
    LineRow,
    PositionRow,
    Row,
)
from services.ledger.state import BooksState
from shared.core import Stamp
from shared.domain.values import NS_PER_S
from shared.messages.books import ClosedDay
from shared.messages.decisions import Approved, Denied
from shared.messages.orders import Filled

MINUTE_NS = 60 * NS_PER_S


class Recorder:
    """Rows of one book, in the order of the messages they come from."""

    def __init__(self, book: str) -> None:
        self._book = book
        self._rows: list[tuple[int, Row]] = []

    def take(self, through_seq: int) -> list[Row]:
        """Return and forget the rows of the messages up to a sequence."""
        if not self._rows:
            return []
        taken = [row for seq, row in self._rows if seq <= through_seq]
        self._rows = self._rows[len(taken) :]
        return taken

    def add(self, seq: int, row: Row) -> None:
        """Keep one row of the message at `seq`."""
        self._rows.append((seq, row))

    def add_decision(self, stamp: Stamp, decision: Approved | Denied) -> None:
        """Record what risk decided, with all its checks."""
        is_approved = isinstance(decision, Approved)
        checks = decision.checks if isinstance(decision, Approved) else decision.reasons
        row = DecisionRow(
            book=self._book,
            seq=stamp.seq,
            ts_ns=stamp.ts_ns,
            signal_id=decision.signal_id,
            strategy_id=decision.strategy_id,
            symbol=decision.symbol,
            side=decision.side,
            intent=decision.intent,
            is_approved=is_approved,
            quantity=decision.quantity,
            checks=_json(checks),
        )
        self.add(stamp.seq, row)

    def add_fill(self, stamp: Stamp, fill: Filled, realized_pnl: Decimal) -> None:
        """Record one execution."""
        row = FillRow(
            book=self._book,
            execution_id=fill.execution_id,
            seq=stamp.seq,
            ts_ns=stamp.ts_ns,
            order_id=fill.order_id,
            signal_id=fill.signal_id,
            strategy_id=fill.strategy_id,
            symbol=fill.symbol,
            side=fill.side,
            intent=fill.intent,
            quantity=fill.quantity,
            price=fill.price,
            commission=fill.commission,
            fees=fill.fees,
            realized_pnl=realized_pnl,
        )
        self.add(stamp.seq, row)

    def add_entries(self, stamp: Stamp, entries: list[Entry], state: BooksState) -> None:
        """Record the journal entries of one message, and what they left behind."""
        for number, entry in enumerate(entries):
            head = EntryRow(
                book=self._book,
                seq=stamp.seq,
                entry=number,
                ts_ns=stamp.ts_ns,
                kind=entry.kind,
                symbol=entry.symbol,
                strategy_id=entry.strategy_id,
            )
            self.add(stamp.seq, head)
            for position, line in enumerate(entry.lines):
                row = LineRow(
                    book=self._book,
                    seq=stamp.seq,
                    entry=number,
                    line=position,
                    account=line.account,
                    amount=line.amount,
                    quantity=line.quantity,
                )
                self.add(stamp.seq, row)
            if entry.symbol and entry.kind != CHARGE:
                self._add_position(stamp, entry, state)
        self.add_equity(stamp, state)

    def add_equity(self, stamp: Stamp, state: BooksState) -> None:
        """Record the worth of the books; a later point of the same minute replaces this one."""
        totals = state.totals
        worth = books.value(state)
        row = EquityRow(
            book=self._book,
            minute_ns=state.now_ns // MINUTE_NS * MINUTE_NS,
            seq=stamp.seq,
            ts_ns=state.now_ns,
            cash=totals.cash,
            market_value=worth.market_value,
            equity=totals.cash + worth.market_value,
            realized_pnl=totals.realized_pnl,
            unrealized_pnl=worth.market_value - worth.cost,
            dividends=totals.dividends,
            commission=totals.commission,
            fees=totals.fees,
            marks=_json(worth.marks),
        )
        self.add(stamp.seq, row)

    def add_closed_day(self, stamp: Stamp, day: ClosedDay) -> None:
        """Record the books at the close of a session."""
        row = ClosedDayRow(
            book=self._book,
            session=day.session,
            seq=stamp.seq,
            ts_ns=stamp.ts_ns,
            currency=day.currency,
            cash=day.cash,
            equity=day.equity,
            realized_pnl=day.realized_pnl,
            unrealized_pnl=day.unrealized_pnl,
            commission=day.commission,
            fills=day.fills,
            is_balanced=day.is_balanced,
        )
        self.add(stamp.seq, row)

    def _add_position(self, stamp: Stamp, entry: Entry, state: BooksState) -> None:
        lot = state.lots[entry.symbol][entry.strategy_id]
        row = PositionRow(
            book=self._book,
            strategy_id=entry.strategy_id,
            symbol=entry.symbol,
            quantity=lot.position.quantity,
            cost=lot.position.cost,
            realized_pnl=lot.realized_pnl,
            seq=stamp.seq,
            ts_ns=stamp.ts_ns,
        )
        self.add(stamp.seq, row)


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
