"""Execution under an arbitrary broker: no order fills beyond its size, each ends once."""

from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.execution.core import ExecutionCore
from shared.domain.values import Intent, Side
from shared.messages.broker import Ack
from shared.messages.control import Cancel, Kill, Resume
from shared.messages.orders import (
    Accepted,
    Cancelled,
    Cancelling,
    Expired,
    Filled,
    Rejected,
    Submitting,
)
from tests.unit.services.execution.talk import BROKER, OPERATOR, TAPE_ID, ExecutionTalk

ENDS = (Cancelled, Expired, Rejected)


class ExecutionUnderFire(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.talk = ExecutionTalk()
        self.approvals = 0
        self.executions: list[tuple[Submitting, int, str]] = []
        self.working: dict[str, Submitting] = {}
        self.filled: dict[str, Decimal] = {}
        self.ended: dict[str, str] = {}
        self.net = Decimal(0)
        self.killed = False

    @rule(
        quantity=st.integers(1, 50),
        side=st.sampled_from(list(Side)),
        intent=st.sampled_from(list(Intent)),
    )
    def is_approved(self, quantity: int, side: Side, intent: Intent) -> None:
        self.approvals += 1
        (answer,) = self.talk.approve(f"a{self.approvals}", quantity, side, intent=intent)
        assert isinstance(answer, Rejected if self.killed else Submitting)
        if isinstance(answer, Submitting):
            assert answer.client_order_id not in self.ended | self.working
            self.working[answer.client_order_id] = answer

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def is_acknowledged(self, data: st.DataObject) -> None:
        order = self._any(data)
        ack = Ack(
            client_order_id=order.client_order_id,
            signal_id=order.signal_id,
            symbol=order.symbol,
            broker_order_id="b",
        )
        assert all(isinstance(said, Accepted) for said in self.talk.say(BROKER, ack))

    @precondition(lambda self: self.working)
    @rule(data=st.data(), share=st.floats(0.0, 1.0))
    def fills(self, data: st.DataObject, share: float) -> None:
        order = self._any(data)
        left = order.quantity - self.filled.get(order.client_order_id, Decimal(0))
        quantity = max(int(float(left) * share), 1)
        execution = (order, quantity, f"e{len(self.executions)}")
        self.executions.append(execution)
        (said,) = self.talk.fill(*execution)
        assert isinstance(said, Filled)
        self._take(said)

    @precondition(lambda self: self.executions)
    @rule(data=st.data())
    def broker_repeats_itself(self, data: st.DataObject) -> None:
        assert self.talk.fill(*data.draw(st.sampled_from(self.executions))) == []

    @precondition(lambda self: self.working)
    @rule(data=st.data(), kind=st.sampled_from(["cancelled", "expired", "refused"]))
    def ends(self, data: st.DataObject, kind: str) -> None:
        order = self._any(data)
        if kind == "refused" and order.client_order_id in self.filled:
            return  # a broker that has filled an order cannot refuse it
        (said,) = self.talk.end(order, kind)
        assert isinstance(said, ENDS)
        self._end(order.client_order_id, kind)
        assert self.talk.end(order, kind) == []

    @precondition(lambda self: self.working)
    @rule(data=st.data())
    def operator_cancels(self, data: st.DataObject) -> None:
        order = self._any(data)
        for said in self.talk.say(OPERATOR, Cancel(order_id=order.order_id)):
            assert isinstance(said, Cancelling)

    @rule()
    def is_killed(self) -> None:
        for said in self.talk.say(OPERATOR, Kill()):
            assert isinstance(said, Cancelling)
            assert said.client_order_id in self.working
        self.killed = True
        assert all(order.is_cancelling for order in self.talk.core.state.orders.values())

    @rule()
    def is_resumed(self) -> None:
        self.talk.say(OPERATOR, Resume(expected_seq=self.talk.seq))
        self.killed = False

    @rule()
    def restarts(self) -> None:
        successor = ExecutionCore("main", TAPE_ID)
        state = self.talk.core.snapshot()
        successor.restore(state)
        assert successor.snapshot() == state
        self.talk.core = successor

    @invariant()
    def core_knows_the_same(self) -> None:
        state = self.talk.core.state
        assert list(state.orders) == list(self.working)
        assert list(state.finished) == list(self.ended)
        assert state.positions.get("AAPL", 0) == self.net

    def _any(self, data: st.DataObject) -> Submitting:
        return self.working[data.draw(st.sampled_from(list(self.working)))]

    def _take(self, fill: Filled) -> None:
        name = fill.client_order_id
        self.filled[name] = self.filled.get(name, Decimal(0)) + fill.quantity
        self.net += fill.side.sign * fill.quantity
        assert fill.cumulative_quantity == self.filled[name] <= fill.order_quantity
        assert fill.is_complete == (self.filled[name] == fill.order_quantity)
        if fill.is_complete:
            self._end(name, "filled")

    def _end(self, name: str, kind: str) -> None:
        assert name not in self.ended
        self.ended[name] = kind
        del self.working[name]


TestExecutionUnderFire = ExecutionUnderFire.TestCase
TestExecutionUnderFire.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
