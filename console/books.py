"""`tapedeck positions` and `tapedeck orders`: what the audit trail says."""

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec

from console.describe import moment, money, shares
from console.output import print_json, show_rows
from console.running import find_desk, open_books
from services.ledger.queries import PositionView, equity_curve, list_orders, list_positions
from services.ledger.rows import OrderRow

_POSITION_COLUMNS = (
    "symbol", "strategy", "quantity", "average", "mark", "value", "open P&L", "realized",
)  # fmt: skip
_ORDER_COLUMNS = (
    "time", "status", "side", "quantity", "symbol", "type", "filled", "at", "strategy", "reason",
)  # fmt: skip


def positions(state: Path | None, *, as_json: bool, with_flat: bool) -> None:
    """Print the positions and what the account is worth."""

    async def run() -> None:
        place = find_desk(state, may_rest=True)
        async with open_books(place) as engine:
            found = await list_positions(engine, place.book, with_flat=with_flat)
            points = await equity_curve(engine, place.book, 1)
        rows = [msgspec.to_builtins(one) for one in found]
        worth = {
            "cash": f"{points[-1].cash:f}" if points else None,
            "equity": f"{points[-1].equity:f}" if points else None,
        }
        if as_json:
            print_json({"book": place.book, "positions": rows, **worth})
            return
        shown = [_position_row(one) for one in found]
        show_rows(shown, _POSITION_COLUMNS, as_json=False, empty="no positions")
        print(f"cash {worth['cash'] or '-'}, equity {worth['equity'] or '-'}")

    asyncio.run(run())


def orders(state: Path | None, count: int, *, as_json: bool, only_working: bool) -> None:
    """Print the newest orders, newest first."""

    async def run() -> None:
        place = find_desk(state, may_rest=True)
        async with open_books(place) as engine:
            found = await list_orders(engine, place.book, count, only_working=only_working)
        if as_json:
            print_json([msgspec.to_builtins(one) for one in found])
            return
        rows = [_order_row(one) for one in found]
        show_rows(rows, _ORDER_COLUMNS, as_json=False, empty="no orders")

    asyncio.run(run())


def _position_row(position: PositionView) -> dict[str, object]:
    return {
        "symbol": position.symbol,
        "strategy": position.strategy_id,
        "quantity": shares(position.quantity),
        "average": _money_or_none(position.average_cost),
        "mark": _money_or_none(position.mark),
        "value": _money_or_none(position.market_value),
        "open P&L": _money_or_none(position.unrealized_pnl),
        "realized": _money_or_none(position.realized_pnl),
    }


def _order_row(order: OrderRow) -> dict[str, object]:
    filled = order.filled_quantity
    return {
        "time": moment(order.opened_ns),
        "status": order.status.value,
        "side": order.side.value,
        "quantity": shares(order.quantity),
        "symbol": order.symbol,
        "type": order.order_type.value,
        "filled": shares(filled),
        "at": f"{order.filled_notional / filled:.4f}" if filled else None,
        "strategy": order.strategy_id,
        "reason": order.reason,
    }


def _money_or_none(amount: Decimal | None) -> str | None:
    return None if amount is None else money(amount)
