"""Do the books balance? Asked of the database alone, against what the core believes.

Each check compares two tables that were written from different computations.
"""

from decimal import Decimal

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.ledger.journal import CASH, COMMISSION, FEES, POSITIONS, REALIZED
from services.ledger.schema import (
    equity,
    fills,
    journal_entries,
    journal_lines,
    mismatches,
    positions,
)
from shared.domain.values import ZERO

type _BySymbol = Select[str, Decimal]

_lines, _entries = journal_lines.c, journal_entries.c
_symbol = func.substr(_lines.account, len(POSITIONS) + 1).label("symbol")


async def find_faults(connection: AsyncConnection, book: str) -> list[str]:
    """Return one sentence for each disagreement; empty when everything balances."""
    faults = [
        f"the journal entry of message {seq} does not sum to zero"
        for seq in await _uneven_entries(connection, book)
    ]
    faults += _compare("total", await _totals(connection, book), await _booked(connection, book))
    journal = await _by_symbol(connection, _journal_shares(book))
    held = await _by_symbol(connection, _held(book, positions.c.quantity))
    faults += _compare("shares", journal, held)
    costs = await _by_symbol(connection, _journal_costs(book))
    faults += _compare("cost", costs, await _by_symbol(connection, _held(book, positions.c.cost)))
    traded = await _by_symbol(connection, _journal_shares(book, kind="fill"))
    faults += _compare("fills", traded, await _by_symbol(connection, _filled(book)))
    return faults + await _open_mismatches(connection, book)


def _compare(what: str, left: dict[str, Decimal], right: dict[str, Decimal]) -> list[str]:
    return [
        f"{what} of {name}: {left.get(name, ZERO):f} in the journal,"
        f" {right.get(name, ZERO):f} in the books"
        for name in sorted({**left, **right})
        if left.get(name, ZERO) != right.get(name, ZERO)
    ]


async def _uneven_entries(connection: AsyncConnection, book: str) -> list[int]:
    chosen = (
        select(_lines.seq)
        .where(_lines.book == book)
        .group_by(_lines.seq, _lines.entry)
        .having(func.sum(_lines.amount) != 0)
        .order_by(_lines.seq)
    )
    return list((await connection.scalars(chosen)).all())


async def _totals(connection: AsyncConnection, book: str) -> dict[str, Decimal]:
    """Return the balances of the money accounts that the equity curve knows, too."""
    chosen = (
        select(_lines.account, func.sum(_lines.amount))
        .where(_lines.book == book, _lines.account.in_((CASH, REALIZED, COMMISSION, FEES)))
        .group_by(_lines.account)
    )
    return {row[0]: row[1] for row in await connection.execute(chosen)}


async def _booked(connection: AsyncConnection, book: str) -> dict[str, Decimal]:
    chosen = (
        select(equity.c.cash, -equity.c.realized_pnl, equity.c.commission, equity.c.fees)
        .where(equity.c.book == book)
        .order_by(equity.c.minute_ns.desc())
        .limit(1)
    )
    row = (await connection.execute(chosen)).first()
    return {} if row is None else dict(zip((CASH, REALIZED, COMMISSION, FEES), row, strict=True))


def _journal_shares(book: str, kind: str | None = None) -> _BySymbol:
    same = (
        _lines.book == _entries.book,
        _lines.seq == _entries.seq,
        _lines.entry == _entries.entry,
    )
    chosen = (
        select(_symbol, func.sum(_lines.quantity))
        .join_from(journal_lines, journal_entries, and_(*same))
        .where(_lines.book == book, _lines.account.startswith(POSITIONS, autoescape=True))
    )
    if kind is not None:
        chosen = chosen.where(_entries.kind == kind)
    return chosen.group_by(_symbol)


def _journal_costs(book: str) -> _BySymbol:
    return (
        select(_symbol, func.sum(_lines.amount))
        .where(_lines.book == book, _lines.account.startswith(POSITIONS, autoescape=True))
        .group_by(_symbol)
    )


def _held(book: str, column: ColumnElement[object]) -> _BySymbol:
    chosen = select(positions.c.symbol, func.sum(column)).where(positions.c.book == book)
    return chosen.group_by(positions.c.symbol)


def _filled(book: str) -> _BySymbol:
    signed = case((fills.c.side == "buy", fills.c.quantity), else_=-fills.c.quantity)
    chosen = select(fills.c.symbol, func.sum(signed)).where(fills.c.book == book)
    return chosen.group_by(fills.c.symbol)


async def _by_symbol(connection: AsyncConnection, chosen: _BySymbol) -> dict[str, Decimal]:
    return {row[0]: row[1] for row in await connection.execute(chosen)}


async def _open_mismatches(connection: AsyncConnection, book: str) -> list[str]:
    chosen = (
        select(mismatches.c.subject, mismatches.c.booked, mismatches.c.stated)
        .where(mismatches.c.book == book, mismatches.c.settled_seq.is_(None))
        .order_by(mismatches.c.subject)
    )
    return [
        f"the broker states {row.stated:f} of {row.subject}, the books {row.booked:f}"
        for row in await connection.execute(chosen)
    ]
