"""Execution: approvals in, orders out; what the broker says in, the orders' lives out.

It acts on `approved` messages of its book's risk and on nothing else, writes `submitting` before
anything is sent, obeys `kill` by itself (no risk, no strategy needed) and lets the table of
`shared.domain.orders` decide what may happen to an order. Its whole input is on the tape.
"""

from collections.abc import Callable, Sequence

import msgspec

from services.execution.facts import FACTS
from services.execution.state import ExecutionState, Order
from shared.core import NEVER_NS, NO_BARS, Patience, Stamp
from shared.domain.commands import is_first, lateness, newness
from shared.domain.errors import InvariantError, ensure
from shared.domain.ids import client_order_id
from shared.domain.positions import SPLIT, is_news, split_quantity
from shared.domain.values import ZERO, Intent
from shared.messages.base import Message
from shared.messages.broker import BrokerSnapshot
from shared.messages.control import Cancel, Command, Flatten, Kill, Resume
from shared.messages.decisions import Approved
from shared.messages.market import Clock, CorporateAction
from shared.messages.orders import Cancelling, Rejected, Submitting
from shared.subjects import Lane, lane, reading

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(ExecutionState).decode


class ExecutionCore:
    """The actor `execution.<book>`. `tape_id` goes into the ids under which brokers know orders."""

    def __init__(self, book: str, tape_id: str) -> None:
        self._tape_id = tape_id
        self._lane = lane("execution", book)
        self._risk = lane("risk", book)
        self._reads = (
            reading("risk", book, "approved", ">"),
            f"{lane('broker', book)}.>",
            reading("data", "*", "action", ">"),
            reading("data", "*", "clock"),
            *(reading("control", "*", c) for c in ("kill", "resume", "cancel", "flatten")),
        )
        self._state = ExecutionState()
        self._patience = Patience(NO_BARS, NEVER_NS, minds_time=False)

    @property
    def lane(self) -> Lane:
        """The lane of this book's execution."""
        return self._lane

    @property
    def reads(self) -> Sequence[str]:
        """The book's approvals and broker, time, corporate actions and the operators."""
        return self._reads

    @property
    def patience(self) -> Patience:
        """Of time, only the newest matters."""
        return self._patience

    @property
    def state(self) -> ExecutionState:
        """What the core knows; for inspection only."""
        return self._state

    def snapshot(self) -> bytes:
        """Return the state as JSON; dictionaries in insertion order, which is part of it."""
        return _encode(self._state)

    def restore(self, state: bytes, /) -> None:
        """Take over a snapshot; MsgspecError when it is not one."""
        self._state = _decode(state)

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message."""
        if type(message) is Clock:
            if message.ts_ns > self._state.now_ns:  # noqa: PLR1730 - max() costs a call
                self._state.now_ns = message.ts_ns
            return ()
        if type(message) is Approved:
            return self._approved(stamp, message)
        take = FACTS.get(type(message))
        if take is not None:
            if type(message) is BrokerSnapshot:
                # It comes also while the data service is silent: time does not stop with it.
                self._state.now_ns = max(self._state.now_ns, stamp.ts_ns)
            return take(self._state, message)
        if isinstance(message, Command):
            return self._obey(stamp, message)
        if isinstance(message, CorporateAction):
            self._act(message)
        return ()

    def _approved(self, stamp: Stamp, approved: Approved) -> tuple[Message, ...]:
        order_id = stamp.id
        order = Order(
            order_id=order_id,
            client_order_id=client_order_id(self._tape_id, order_id),
            signal_id=approved.signal_id,
            strategy_id=approved.strategy_id,
            symbol=approved.symbol,
            side=approved.side,
            intent=approved.intent,
            quantity=approved.quantity,
        )
        code, detail = self._gate(stamp, approved)
        if code:
            return (Rejected(**order.names, code=code, detail=detail),)
        orders = self._state.orders
        if approved.quantity <= ZERO:
            raise InvariantError("INV-APPROVAL", f"{order_id} approves no quantity")
        ensure(order.client_order_id not in orders, "INV-ONE-ORDER", order_id)
        orders[order.client_order_id] = order
        return (
            Submitting(
                order_id,
                order.client_order_id,
                order.signal_id,
                order.strategy_id,
                order.symbol,
                order.side,
                intent=approved.intent,
                quantity=approved.quantity,
                order_type=approved.order_type,
                limit_price=approved.limit_price,
                time_in_force=approved.time_in_force,
                valid_until_ns=approved.valid_until_ns,
                trigger_price=approved.trigger_price,
            ),
        )

    def _gate(self, stamp: Stamp, approved: Approved) -> tuple[str, str]:
        """Say why an approval is not acted on: (code, detail), or two empty texts."""
        state = self._state
        if stamp.lane != self._risk:
            return "not_risk", f"approved by {stamp.lane}, this book's risk is {self._risk}"
        if state.killed_seq:
            return "killed", f"at sequence {state.killed_seq}"
        if state.closing_only_seq and approved.intent is Intent.OPEN:
            return "flattened", f"at sequence {state.closing_only_seq}"
        if state.now_ns > approved.valid_until_ns:
            return "expired", f"{(state.now_ns - approved.valid_until_ns) / 1e9:.3f} s ago"
        return "", ""

    def _act(self, action: CorporateAction) -> None:
        """Apply a split to our fold of positions, so that the broker's agrees with it."""
        state = self._state
        if is_news(state.actions, action.symbol, action.kind, action.ex_date):
            held = state.positions.get(action.symbol)
            if action.kind == SPLIT and held is not None:
                state.positions[action.symbol] = split_quantity(held, action.ratio)

    def _obey(self, stamp: Stamp, command: Command) -> tuple[Message, ...]:
        state = self._state
        if not is_first(state.commands, stamp.id):
            return ()
        if isinstance(command, Kill):
            state.killed_seq = stamp.seq
            return self._cancel(lambda _order: True, "kill")
        if lateness(command.valid_until_ns, stamp.recorded_ns):
            return ()  # risk says so on its lane
        match command:
            case Resume():
                self._resume(command)
            case Flatten() if not state.killed_seq:
                state.closing_only_seq = stamp.seq
                return self._cancel(lambda order: order.intent is Intent.OPEN, "flatten")
            case Cancel():
                return self._cancel(lambda order: order.order_id == command.order_id, "operator")
            case _:
                pass
        return ()

    def _resume(self, command: Resume) -> None:
        """End the kill and the flatten, as far as they are no newer than what was seen.

        By the same rule as risk ends them, from the same commands: both reach the same verdict.
        """
        state = self._state
        if not newness(command.expected_seq, state.killed_seq):
            state.killed_seq = 0
        if not newness(command.expected_seq, state.closing_only_seq):
            state.closing_only_seq = 0

    def _cancel(self, chosen: Callable[[Order], bool], reason: str) -> tuple[Message, ...]:
        cancelling: list[Message] = []
        for order in self._state.orders.values():
            if not order.is_cancelling and chosen(order):
                order.is_cancelling = True
                cancelling.append(Cancelling(**order.names, reason=reason))
        return tuple(cancelling)
