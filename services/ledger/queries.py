"""The read side: what the console and the gateway ask the audit trail.

Every function reads one consistent state of the database. Money and shares are exact `Decimal`,
times nanoseconds UTC. `engine` comes from `adapters.engine.database`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, Select, Text, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.ledger.checks import find_faults
from services.ledger.rows import ClosedDayRow, EquityRow, FillRow, OrderRow
from services.ledger.schema import (
    closed_days,
    decisions,
    equity,
    fills,
    ledger_cursor,
    orders,
    positions,
    tape_events,
)
from shared.domain.orders import OrderStatus
from shared.domain.values import ZERO
from shared.subjects import AGGREGATED

ROWS_MAX = 10_000  # more than a person reads


class RunSummary(Struct, frozen=True, kw_only=True):
    """What happened on a tape so far, and where the books stand.

    `bars` counts what the venue or file delivered, not what was aggregated from it. `equity` is
    cash and positions at their last marks; `positions` the desk's shares that are not zero.
    `faults` says in sentences what does not balance.
    """

    bars: int
    signals: int
    approved: int
    denied: int
    orders: int
    fills: int
    cash: Decimal
    equity: Decimal
    positions: dict[str, Decimal]
    balanced: bool
    faults: tuple[str, ...]
    cursor: int


class PositionView(Struct, frozen=True, kw_only=True):
    """One strategy's position in one symbol; `mark` and what rests on it None when flat."""

    symbol: str
    strategy_id: str
    quantity: Decimal
    average_cost: Decimal
    realized_pnl: Decimal
    mark: Decimal | None
    market_value: Decimal | None
    unrealized_pnl: Decimal | None


async def summary(engine: AsyncEngine, tape_id: str, book: str) -> RunSummary:
    """Summarise the run. Counts the tape's events, so it takes longer as the tape grows."""
    async with _reading(engine) as connection:
        point = await _last_point(connection, book)
        held = await connection.execute(
            select(positions.c.symbol, func.sum(positions.c.quantity).label("quantity"))
            .where(positions.c.book == book)
            .group_by(positions.c.symbol)
            .order_by(positions.c.symbol)
        )
        faults = await find_faults(connection, book)
        return RunSummary(
            bars=await _count(
                connection, _events("data", "bar", tape_events.c.actor != AGGREGATED.actor)
            ),
            signals=await _count(connection, _events("strategy", "signal")),
            approved=await _count(connection, _decided(book, is_approved=True)),
            denied=await _count(connection, _decided(book, is_approved=False)),
            orders=await _count(connection, orders.c.book == book),
            fills=await _count(connection, fills.c.book == book),
            cash=point.cash if point else ZERO,
            equity=point.equity if point else ZERO,
            positions={row.symbol: row.quantity for row in held if row.quantity},
            balanced=not faults,
            faults=tuple(faults),
            cursor=await _cursor(connection, tape_id, book),
        )


async def stored_up_to(engine: AsyncEngine, tape_id: str, book: str) -> int:
    """Return the sequence up to which the tape is stored, 0 for a database that has none of it."""
    async with _reading(engine) as connection:
        return await _cursor(connection, tape_id, book)


async def books_faults(engine: AsyncEngine, book: str) -> list[str]:
    """Return in sentences what does not balance; empty when the books are in order."""
    async with _reading(engine) as connection:
        return await find_faults(connection, book)


async def list_positions(
    engine: AsyncEngine, book: str, *, with_flat: bool = False
) -> list[PositionView]:
    """Return the positions by symbol and strategy, flat ones only when asked for."""
    async with _reading(engine) as connection:
        point = await _last_point(connection, book)
        marks = msgspec.json.decode(point.marks, type=dict[str, Decimal]) if point else {}
        chosen = select(positions).where(positions.c.book == book)
        if not with_flat:
            chosen = chosen.where(positions.c.quantity != 0)
        chosen = chosen.order_by(positions.c.symbol, positions.c.strategy_id)
        found = await connection.execute(chosen)
        return [
            _position(
                row.symbol,
                row.strategy_id,
                row.quantity,
                row.cost,
                row.realized_pnl,
                marks.get(row.symbol),
            )
            for row in found
        ]


async def list_orders(
    engine: AsyncEngine, book: str, limit: int = 100, *, only_working: bool = False
) -> list[OrderRow]:
    """Return the newest orders, newest first."""
    chosen = select(orders).where(orders.c.book == book)
    if only_working:
        chosen = chosen.where(orders.c.status.in_(_WORKING))
    chosen = chosen.order_by(orders.c.opened_seq.desc()).limit(min(limit, ROWS_MAX))
    return await _all(engine, chosen, OrderRow)


async def list_fills(engine: AsyncEngine, book: str, limit: int = 100) -> list[FillRow]:
    """Return the newest executions, newest first."""
    chosen = select(fills).where(fills.c.book == book).order_by(fills.c.seq.desc())
    return await _all(engine, chosen.limit(min(limit, ROWS_MAX)), FillRow)


async def equity_curve(engine: AsyncEngine, book: str, limit: int = ROWS_MAX) -> list[EquityRow]:
    """Return the newest points of the equity curve, oldest first."""
    chosen = select(*_point_columns()).where(equity.c.book == book)
    chosen = chosen.order_by(equity.c.minute_ns.desc()).limit(min(limit, ROWS_MAX))
    return (await _all(engine, chosen, EquityRow))[::-1]


async def list_closed_days(engine: AsyncEngine, book: str) -> list[ClosedDayRow]:
    """Return the closed sessions, oldest first."""
    chosen = select(closed_days).where(closed_days.c.book == book)
    return await _all(engine, chosen.order_by(closed_days.c.session), ClosedDayRow)


@asynccontextmanager
async def _reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Read one state of the database, however many statements it takes."""
    options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    async with engine.connect() as connection:
        yield await connection.execution_options(**options)


async def _all[T](engine: AsyncEngine, chosen: Select[*tuple[Any, ...]], kind: type[T]) -> list[T]:
    async with _reading(engine) as connection:
        found = (await connection.execute(chosen)).mappings()
        return [msgspec.convert(_plain(row), kind) for row in found]


async def _last_point(connection: AsyncConnection, book: str) -> EquityRow | None:
    chosen = select(*_point_columns()).where(equity.c.book == book)
    chosen = chosen.order_by(equity.c.minute_ns.desc()).limit(1)
    row = (await connection.execute(chosen)).mappings().first()
    return None if row is None else msgspec.convert(_plain(row), EquityRow)


def _plain(row: RowMapping) -> dict[str, object]:
    """Return a row under plain names: a label's is a subclass of `str`, which msgspec refuses."""
    return {str(name): value for name, value in row.items()}


def _point_columns() -> list[ColumnElement[Any]]:
    """Return the columns of `equity`; the marks as the JSON text that `EquityRow` holds."""
    return [c.cast(Text).label(c.name) if c is equity.c.marks else c for c in equity.c]


async def _cursor(connection: AsyncConnection, tape_id: str, book: str) -> int:
    mine = (ledger_cursor.c.tape_id == tape_id, ledger_cursor.c.book == book)
    return await connection.scalar(select(ledger_cursor.c.seq).where(*mine)) or 0


async def _count(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    return await connection.scalar(select(func.count()).where(condition)) or 0


def _events(service: str, event: str, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(tape_events.c.service == service, tape_events.c.event == event, *more)


def _decided(book: str, *, is_approved: bool) -> ColumnElement[bool]:
    return and_(decisions.c.book == book, decisions.c.is_approved == is_approved)


def _position(
    symbol: str,
    strategy_id: str,
    quantity: Decimal,
    cost: Decimal,
    realized_pnl: Decimal,
    mark: Decimal | None,
) -> PositionView:
    value = None if mark is None or not quantity else quantity * mark
    return PositionView(
        symbol=symbol,
        strategy_id=strategy_id,
        quantity=quantity,
        average_cost=cost / quantity if quantity else ZERO,
        realized_pnl=realized_pnl,
        mark=None if value is None else mark,
        market_value=value,
        unrealized_pnl=None if value is None else value - cost,
    )


_WORKING = [status.value for status in OrderStatus if status.is_working]
