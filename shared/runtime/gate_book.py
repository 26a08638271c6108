"""What the gate knows: a fold of the tape, and what a broker's statement adds to it.

Pure. A restarted gate, its standby and its successor read the same tape and know the same.
"""

from decimal import Decimal
from typing import TypedDict

from msgspec import Struct, field

from shared.core import Stamp
from shared.domain.commands import is_first, lateness, newness
from shared.domain.values import ZERO
from shared.messages.base import Message
from shared.messages.broker import Ack, Doubtful, Refused, Report, Sending
from shared.messages.control import Kill, Resume
from shared.messages.lane import State
from shared.messages.orders import Cancelling, Submitting
from shared.runtime.venue import Execution, OrderStatement

EXECUTIONS_MAX = 100_000  # ids remembered: a broker's snapshot repeats those of about a day
OVER_MAX = 10_000  # ended orders remembered: what is said of them again is no news


class GateOrder(Struct):
    """One order. `seq` is the place of its `submitting`; `attempt` 0: never sent.

    `sent_s` is when the newest `sending` was seen here, on the gate's own clock.
    """

    submitting: Submitting
    seq: int
    attempt: int = 0
    sent_s: float = 0.0
    is_acked: bool = False
    is_doubtful: bool = False
    is_over: bool = False
    filled: Decimal = ZERO
    cancel_reason: str | None = None
    cancel_sent_s: float | None = None

    @property
    def is_unsent(self) -> bool:
        """True when it may be sent for the first time: nothing has left."""
        return not self.attempt and not self.is_over

    @property
    def is_unanswered(self) -> bool:
        """True when it was about to leave, and nobody has said what became of it."""
        return bool(self.attempt) and not (self.is_acked or self.is_over or self.is_doubtful)

    @property
    def may_rest(self) -> bool:
        """True when the broker may hold it."""
        return bool(self.attempt) and not self.is_over


class GateBook(Struct):
    """Everything, by client order id and in tape order.

    `from_seq` is the birth of this gate's kind on this lane: orders up to there are not its own.
    """

    orders: dict[str, GateOrder] = field(default_factory=dict)
    executions: dict[str, None] = field(default_factory=dict)
    over: dict[str, None] = field(default_factory=dict)
    commands: dict[str, None] = field(default_factory=dict)
    killed_seq: int = 0
    from_seq: int = 0

    def take(self, stamp: Stamp, message: Message, now_s: float) -> None:
        """Fold one message of the tape: an order, a command or a fact of the broker's lane."""
        match message:
            case Submitting():
                if message.client_order_id not in self.over:
                    order = GateOrder(submitting=message, seq=stamp.seq)
                    self.orders.setdefault(message.client_order_id, order)
            case Cancelling():
                order_to_cancel = self.orders.get(message.client_order_id)
                if order_to_cancel is not None:
                    order_to_cancel.cancel_reason = message.reason
            case State():
                self.from_seq = message.from_seq
            case Kill() | Resume():
                self._obey(stamp, message)
            case _:
                self._take_fact(message, now_s)

    def _obey(self, stamp: Stamp, command: Kill | Resume) -> None:
        if not is_first(self.commands, stamp.id):
            return
        if isinstance(command, Kill):
            self.killed_seq = stamp.seq
        elif not (
            lateness(command.valid_until_ns, stamp.recorded_ns)
            or newness(command.expected_seq, self.killed_seq)
        ):
            self.killed_seq = 0

    def _take_fact(self, fact: Message, now_s: float) -> None:
        if isinstance(fact, Report) and fact.execution_id:
            is_first(self.executions, fact.execution_id, EXECUTIONS_MAX)
        order = self.orders.get(getattr(fact, "client_order_id", ""))
        if order is None:
            return
        match fact:
            case Sending():
                order.attempt, order.sent_s = fact.attempt, now_s
            case Ack():
                order.is_acked, order.is_doubtful = True, False
            case Doubtful():
                order.is_doubtful = True
            case Refused():
                self._end(order)
            case Report():
                order.is_doubtful = False
                order.filled += fact.quantity
                if fact.kind != "fill" or order.filled >= order.submitting.quantity:
                    self._end(order)
            case _:
                pass

    def _end(self, order: GateOrder) -> None:
        order.is_over = True
        identity = order.submitting.client_order_id
        del self.orders[identity]
        is_first(self.over, identity, OVER_MAX)

    def news(self, said: OrderStatement | Execution) -> Message | None:
        """Return what a statement adds to the tape, None when it adds nothing (yet).

        An end waits for the fills before it: after a terminal fact nothing may follow. The
        snapshot brings both, so the wait ends.
        """
        if isinstance(said, Execution):
            return self._fill(said)
        order = self.orders.get(said.client_order_id)
        if order is None or not order.attempt:
            return None
        if not order.is_acked and not (said.ended == "rejected" and not said.filled):
            return Ack(**names(order.submitting), broker_order_id=said.broker_order_id)
        if said.ended in ("", "filled") or said.filled > order.filled:
            return None
        if said.ended == "rejected" and not order.filled:
            return Refused(**names(order.submitting), code="rejected", detail=said.reason)
        kind = "expired" if said.ended == "expired" else "cancelled"
        return Report(**names(order.submitting), kind=kind, reason=said.reason)

    def _fill(self, said: Execution) -> Message | None:
        if said.execution_id in self.executions:
            return None
        order = self.orders.get(said.client_order_id)
        return Report(
            client_order_id=said.client_order_id,
            signal_id=order.submitting.signal_id if order is not None else "",
            symbol=said.symbol,
            kind="fill",
            execution_id=said.execution_id,
            quantity=said.quantity,
            price=said.price,
            commission=said.commission,
            fees=said.fees,
            fee_parts=dict(said.fee_parts),
        )


class Names(TypedDict):
    """The fields that every fact about an order carries."""

    client_order_id: str
    signal_id: str
    symbol: str


def names(order: Submitting) -> Names:
    """Return what every fact about an order says."""
    return Names(
        client_order_id=order.client_order_id, signal_id=order.signal_id, symbol=order.symbol
    )
