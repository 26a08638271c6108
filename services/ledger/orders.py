"""How the facts that execution states move an order's row.

Execution alone decides; the ledger writes down. A fact about an order that is not open here
(already terminal, or older than the tape) changes no row: the event itself is on record anyway.
"""

from msgspec.structs import replace

from services.ledger.rows import OrderRow
from shared.core import Stamp
from shared.domain.orders import OrderStatus
from shared.messages.base import Message
from shared.messages.orders import (
    Accepted,
    Cancelled,
    Cancelling,
    Expired,
    Filled,
    OrderMessage,
    Rejected,
    Submitting,
    Unknown,
)


def open_order(book: str, stamp: Stamp, order: Submitting) -> OrderRow:
    """Return the row of an order that is about to be sent."""
    return OrderRow(
        book=book,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        signal_id=order.signal_id,
        strategy_id=order.strategy_id,
        symbol=order.symbol,
        side=order.side,
        intent=order.intent,
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        quantity=order.quantity,
        limit_price=order.limit_price,
        opened_seq=stamp.seq,
        opened_ns=stamp.ts_ns,
        updated_seq=stamp.seq,
        updated_ns=stamp.ts_ns,
    )


def apply_fact(row: OrderRow, stamp: Stamp, fact: OrderMessage) -> OrderRow:
    """Return the row after a fact about its order."""
    return replace(row, updated_seq=stamp.seq, updated_ns=stamp.ts_ns, **_changes(row, fact))


def _changes(row: OrderRow, fact: Message) -> dict[str, object]:
    changes: dict[str, object] = {}
    match fact:
        case Accepted():
            # A broker may report a fill before its acknowledgement: that stays a partial fill.
            status = OrderStatus.PARTIALLY_FILLED if row.filled_quantity else OrderStatus.ACCEPTED
            changes = {"status": status, "broker_order_id": fact.broker_order_id}
        case Filled():
            changes = {
                "status": OrderStatus.FILLED if fact.is_complete else OrderStatus.PARTIALLY_FILLED,
                "filled_quantity": row.filled_quantity + fact.quantity,
                "filled_notional": row.filled_notional + fact.quantity * fact.price,
                "commission": row.commission + fact.commission,
                "fees": row.fees + fact.fees,
            }
        case Cancelled():
            changes = {"status": OrderStatus.CANCELLED, "reason": fact.reason}
        case Rejected():
            reason = f"{fact.code}: {fact.detail}" if fact.detail else fact.code
            changes = {"status": OrderStatus.REJECTED, "reason": reason}
        case Expired():
            changes = {"status": OrderStatus.EXPIRED}
        case Unknown():
            changes = {"status": OrderStatus.UNKNOWN, "reason": fact.detail}
        case Cancelling():
            changes = {"reason": fact.reason}
        case _:
            pass
    return changes
