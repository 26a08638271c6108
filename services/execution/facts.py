"""What the broker says, turned into order states and messages.

Facts may come twice (a stream and a periodic comparison both report) and in any order the broker
likes: a fill before the acknowledgement, a cancel after the last fill. An execution counts once
per execution id; an end that repeats changes nothing. What contradicts the table of states (a
fill of more than was ordered, or after the end) stops the process: the books would be wrong.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from services.execution.state import ExecutionState, Order
from shared.domain.commands import forget_oldest, is_first
from shared.domain.errors import InvariantError, ensure
from shared.domain.orders import OrderStatus, can_move, move
from shared.domain.values import ZERO, Side
from shared.messages.base import Message
from shared.messages.broker import (
    Ack,
    BrokerMessage,
    BrokerSnapshot,
    Charge,
    Doubtful,
    Refused,
    Report,
)
from shared.messages.orders import (
    Accepted,
    Account,
    Cancelled,
    Charged,
    Expired,
    External,
    Filled,
    Rejected,
    Unknown,
)

FINISHED_MAX = 10_000  # orders, and executions, whose end is remembered

FILL = "fill"
_ENDS = {"cancelled": OrderStatus.CANCELLED, "expired": OrderStatus.EXPIRED}


def take_ack(state: ExecutionState, ack: Ack) -> tuple[Message, ...]:
    """The broker took the order."""
    order = state.orders.get(ack.client_order_id)
    if order is None:
        return _stray(state, ack, "acknowledges")
    if not can_move(order.status, OrderStatus.ACCEPTED):
        return ()  # it filled before it was acknowledged, or the broker repeats itself
    order.status = OrderStatus.ACCEPTED
    return (
        Accepted(
            order.order_id,
            order.client_order_id,
            order.signal_id,
            order.strategy_id,
            order.symbol,
            order.side,
            broker_order_id=ack.broker_order_id,
        ),
    )


def take_report(state: ExecutionState, report: Report) -> tuple[Message, ...]:
    """An execution, or an end."""
    if report.kind == FILL:
        return _fill(state, report)
    if report.kind not in _ENDS:
        raise InvariantError("INV-BROKER-FACT", f"unknown kind of report {report.kind!r}")
    order = state.orders.get(report.client_order_id)
    if order is None:
        return _stray(state, report, f"reports as {report.kind}")
    status = _ENDS[report.kind]
    _finish(state, order, status)
    if status is OrderStatus.EXPIRED:
        return (Expired(**order.names, filled_quantity=order.filled),)
    return (Cancelled(**order.names, filled_quantity=order.filled, reason=report.reason),)


def take_refused(state: ExecutionState, refused: Refused) -> tuple[Message, ...]:
    """The order did not go out, or did not come in."""
    order = state.orders.get(refused.client_order_id)
    if order is None:
        return _stray(state, refused, "refuses")
    _finish(state, order, OrderStatus.REJECTED)
    return (Rejected(**order.names, code=refused.code, detail=refused.detail),)


def take_doubtful(state: ExecutionState, doubtful: Doubtful) -> tuple[Message, ...]:
    """Nobody knows whether the broker has the order. It stays: whatever the broker says of it
    later settles it.
    """
    order = state.orders.get(doubtful.client_order_id)
    if order is None or not can_move(order.status, OrderStatus.UNKNOWN):
        return ()
    order.status = OrderStatus.UNKNOWN
    return (Unknown(**order.names, detail=doubtful.detail),)


def take_charge(state: ExecutionState, charge: Charge) -> tuple[Message, ...]:
    """Money that belongs to no execution; counts once per charge id."""
    ensure(bool(charge.charge_id), "INV-BROKER-FACT", "a charge has an id")
    if not is_first(state.executions, charge.charge_id, FINISHED_MAX):
        return ()
    return (
        Charged(
            charge_id=charge.charge_id,
            kind=charge.kind,
            amount=charge.amount,
            symbol=charge.symbol,
            detail=charge.detail,
        ),
    )


def take_snapshot(state: ExecutionState, snapshot: BrokerSnapshot) -> tuple[Message, ...]:
    """The account as the broker states it. The first statement is where we begin; a later one
    that differs from our own fold of fills names what this desk did not order, and is adopted.
    """
    differing = _differences(state, snapshot) if state.has_account else ()
    state.has_account = True
    state.positions = {symbol: held for symbol, held in snapshot.positions.items() if held}
    account = Account(cash=snapshot.cash, currency=snapshot.currency, positions=snapshot.positions)
    return (*differing, account)


FACTS: dict[type[Message], Callable[[ExecutionState, Any], tuple[Message, ...]]] = {
    Report: take_report,
    Ack: take_ack,
    Refused: take_refused,
    Doubtful: take_doubtful,
    Charge: take_charge,
    BrokerSnapshot: take_snapshot,
}  # `sending`, `outage` and `state` need no answer


def _fill(state: ExecutionState, report: Report) -> tuple[Message, ...]:
    ensure(bool(report.execution_id), "INV-BROKER-FACT", "an execution has an id")
    if not is_first(state.executions, report.execution_id, FINISHED_MAX):
        return ()
    order = state.orders.get(report.client_order_id)
    if order is None:
        status = state.finished.get(report.client_order_id)
        if status is not None:
            move(status, OrderStatus.PARTIALLY_FILLED, report.client_order_id)
        return _stray(state, report, f"fills {report.quantity} at {report.price} for")
    total = order.filled + report.quantity
    if not (report.quantity > ZERO and total <= order.quantity):
        raise InvariantError(
            "INV-FILL",
            f"order {order.order_id}: {report.quantity} more than {order.filled}"
            f" of {order.quantity}",
        )
    order.filled = total
    signed = report.quantity if order.side is Side.BUY else -report.quantity
    _move_position(state, order.symbol, signed)
    is_complete = total == order.quantity
    if is_complete:
        _finish(state, order, OrderStatus.FILLED)
    else:
        order.status = move(order.status, OrderStatus.PARTIALLY_FILLED, order.order_id)
    return (_filled(order, report, is_complete=is_complete),)


def _filled(order: Order, report: Report, *, is_complete: bool) -> Filled:
    return Filled(
        order.order_id,
        order.client_order_id,
        order.signal_id,
        order.strategy_id,
        order.symbol,
        order.side,
        execution_id=report.execution_id,
        intent=order.intent,
        quantity=report.quantity,
        price=report.price,
        commission=report.commission,
        fees=report.fees,
        fee_parts=report.fee_parts,
        cumulative_quantity=order.filled,
        order_quantity=order.quantity,
        is_complete=is_complete,
    )


def _finish(state: ExecutionState, order: Order, status: OrderStatus) -> None:
    order.status = move(order.status, status, order.order_id)
    del state.orders[order.client_order_id]
    state.finished[order.client_order_id] = status
    forget_oldest(state.finished, FINISHED_MAX)


def _stray(state: ExecutionState, fact: BrokerMessage, verb: str) -> tuple[Message, ...]:
    """A fact about no order at work: a repetition, or something this desk did not order."""
    if fact.client_order_id in state.finished:
        return ()
    detail = f"the broker {verb} {fact.client_order_id}, which is no order of this book"
    return (External(symbol=fact.symbol, detail=detail),)


def _differences(state: ExecutionState, snapshot: BrokerSnapshot) -> tuple[External, ...]:
    stated = snapshot.positions
    symbols = [*stated, *(symbol for symbol in state.positions if symbol not in stated)]
    found = []
    for symbol in symbols:
        theirs, ours = stated.get(symbol, ZERO), state.positions.get(symbol, ZERO)
        if theirs != ours:
            detail = f"the broker states {theirs} shares, our fills make {ours}"
            found.append(External(symbol=symbol, detail=detail))
    return tuple(found)


def _move_position(state: ExecutionState, symbol: str, change: Decimal) -> None:
    after = state.positions.get(symbol, ZERO) + change
    if after:
        state.positions[symbol] = after
    else:
        state.positions.pop(symbol, None)
