"""Whatever happens between two steps of the gate, the broker has an order once or not at all."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import override

import pytest

from shared.domain.values import Intent, OrderType, Side, TimeInForce
from shared.messages.base import Message
from shared.messages.control import Kill
from shared.messages.orders import Cancelling, Submitting
from shared.runtime.birth import certified
from shared.runtime.gate import PACKAGES, BrokerGate, GateSettings
from shared.runtime.venue import (
    NoAnswerError,
    OrderStatement,
    RepeatedIdError,
    VenueEvent,
    VenueOrder,
    VenueSnapshot,
)
from shared.subjects import Lane, lane
from shared.tape.entry import Outgoing, fact
from shared.tape.memory import MemoryTape

EXECUTION, BROKER, CONSOLE = lane("execution", "main"), lane("broker", "main"), lane("control", "c")
FAST = GateSettings(send_within_s=0.05, sync_s=0.0, snapshot_s=0.2, cancel_again_s=0.05)
FAR_NS = 2**62


class CrashError(Exception):
    """The process ends here."""


class BookedVenue:
    """A broker that keeps what arrives. `fault` befalls the first `submit`."""

    timeout_s = 0.05

    def __init__(self, fault: str = "", *, rejects: bool = True) -> None:
        self.rejects_repeated_ids = rejects
        self.fault = fault
        self.arrived: list[str] = []
        self.ended: dict[str, str] = {}

    async def submit(self, order: VenueOrder) -> OrderStatement:
        fault, self.fault = self.fault, ""
        if fault == "crash before":
            raise CrashError
        if fault == "lost request":
            raise NoAnswerError("time-out")
        if self.rejects_repeated_ids and order.client_order_id in self.arrived:
            raise RepeatedIdError(order.client_order_id)
        self.arrived.append(order.client_order_id)
        if fault == "crash after":
            raise CrashError
        if fault == "lost answer":
            raise NoAnswerError("500")
        return self._state(order.client_order_id)

    def _state(self, identity: str) -> OrderStatement:
        return OrderStatement(
            client_order_id=identity,
            broker_order_id=f"b-{identity}",
            symbol="AAPL",
            ended=self.ended.get(identity, ""),
        )

    async def cancel(self, client_order_id: str) -> None:
        self.ended[client_order_id] = "cancelled"

    async def find(self, client_order_id: str) -> OrderStatement | None:
        return self._state(client_order_id) if client_order_id in self.arrived else None

    async def snapshot(self) -> VenueSnapshot:
        orders = tuple(self._state(identity) for identity in self.arrived)
        return VenueSnapshot(
            cash=Decimal(1), currency="USD", positions={}, orders=orders, executions=()
        )

    async def events(self) -> AsyncIterator[VenueEvent]:
        await asyncio.Event().wait()
        for identity in self.arrived:
            yield self._state(identity)


class CrashingTape(MemoryTape):
    """Ends the process before or after the n-th append of a gate."""

    crash_at, after = 0, False

    @override
    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        self.crash_at -= 1
        if self.crash_at == 0 and not self.after:
            raise CrashError
        seq = await super().append(out, lane=lane, fence=fence)
        if self.crash_at == 0:
            raise CrashError
        return seq


def order(valid_until_ns: int = FAR_NS) -> Submitting:
    return Submitting(
        order_id="o1",
        client_order_id="c1",
        signal_id="s1",
        strategy_id="trend",
        symbol="AAPL",
        side=Side.BUY,
        intent=Intent.OPEN,
        quantity=Decimal(10),
        order_type=OrderType.MARKET,
        limit_price=None,
        time_in_force=TimeInForce.DAY,
        valid_until_ns=valid_until_ns,
    )


def _cancelling() -> Cancelling:
    return Cancelling(
        order_id="o1",
        client_order_id="c1",
        signal_id="s1",
        strategy_id="trend",
        symbol="AAPL",
        side=Side.BUY,
    )


def _put(tape: MemoryTape, speaker: Lane, message: Message) -> None:
    key = f"{speaker}/{tape.last_seq}"
    out = fact(tape.id, speaker, message, ts_ns=1, key=key)
    tape.put(out, lane=speaker, fence=tape.lane_end(speaker))


def _gate(tape: MemoryTape, venue: BookedVenue, *, is_latched: bool = False) -> BrokerGate:
    return BrokerGate(
        "main", tape, venue, settings=FAST, is_latched=lambda: is_latched, name="booked"
    )


def _said(tape: MemoryTape) -> list[str]:
    entries = (tape.entry(seq) for seq in range(1, tape.last_seq + 1))
    kinds = [entry.subject.split(".")[2] for entry in entries if entry.lane == BROKER]
    return [kind for kind in kinds if kind not in ("snapshot", "state")]


def _born(tape: MemoryTape) -> None:
    """Put the certificate of an earlier start of this gate on the tape."""
    out = fact(tape.id, BROKER, certified(PACKAGES, {"gate": "booked"}, 0), ts_ns=1, key="b")
    tape.put(out, lane=BROKER, fence=0)


async def _run(tape: MemoryTape, gate: BrokerGate, until: str) -> None:
    """Run the gate until it has said `until`; restart is the caller's."""

    async def watch() -> None:
        async with asyncio.timeout(5):
            while until not in _said(tape):
                await asyncio.sleep(0.005)
        gate.stop()

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        group.create_task(gate.run())


def _live_through(tape: MemoryTape, venue: BookedVenue, until: str = "ack") -> None:
    asyncio.run(_live(tape, venue, until))


async def _live(tape: MemoryTape, venue: BookedVenue, until: str) -> None:
    """Run gates one after another, each from the tape alone, until it is said."""
    for _ in range(5):
        crashed = False
        try:
            await _run(tape, _gate(tape, venue), until)
        except* CrashError:
            crashed = True
        if not crashed:
            return


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("crash_at", [1, 2, 3])
def test_a_gate_killed_around_any_record_leaves_oneorder(crash_at: int, *, after: bool) -> None:
    tape, venue = CrashingTape("00112233445566ff"), BookedVenue()
    tape.crash_at, tape.after = crash_at, after
    _born(tape)
    _put(tape, EXECUTION, order())
    _live_through(tape, venue)
    assert venue.arrived == ["c1"]
    assert _said(tape).count("ack") == 1


@pytest.mark.parametrize("fault", ["crash before", "crash after", "lost request", "lost answer"])
def test_a_request_whose_answer_is_lost_makes_oneorder(fault: str) -> None:
    tape, venue = MemoryTape("00112233445566ff"), BookedVenue(fault)
    _born(tape)
    _put(tape, EXECUTION, order())
    _live_through(tape, venue)
    assert venue.arrived == ["c1"]
    assert _said(tape)[-1] == "ack"


@pytest.mark.parametrize(("fault", "arrived"), [("crash before", 0), ("crash after", 1)])
def test_where_ids_may_repeat_nothing_is_sent_twice(fault: str, arrived: int) -> None:
    tape, venue = MemoryTape("00112233445566ff"), BookedVenue(fault, rejects=False)
    _born(tape)
    _put(tape, EXECUTION, order())
    _live_through(tape, venue, "ack" if arrived else "doubtful")
    assert len(venue.arrived) == arrived
    assert _said(tape) == ["sending", "ack" if arrived else "doubtful"]


def test_orders_of_whoever_had_the_lane_before_never_leave() -> None:
    tape, venue = MemoryTape("00112233445566ff"), BookedVenue()
    _put(tape, EXECUTION, order())
    asyncio.run(_run(tape, _gate(tape, venue), "refused"))
    assert venue.arrived == []
    assert _said(tape) == ["refused"]


@pytest.mark.parametrize("case", ["killed", "expired", "latched"])
def test_the_last_gate_refuses(case: str) -> None:
    tape, venue = MemoryTape("00112233445566ff"), BookedVenue()
    _born(tape)
    _put(tape, EXECUTION, order(1 if case == "expired" else FAR_NS))
    if case == "killed":
        _put(tape, CONSOLE, Kill())  # behind the order, and seen all the same
    gate = _gate(tape, venue, is_latched=case == "latched")
    asyncio.run(_run(tape, gate, "refused"))
    assert venue.arrived == []
    assert _said(tape) == ["refused"]


def test_a_cancel_is_over_when_the_broker_says_so() -> None:
    tape, venue = MemoryTape("00112233445566ff"), BookedVenue()
    _born(tape)
    _put(tape, EXECUTION, order())

    async def talk() -> None:
        await _live(tape, venue, "ack")
        _put(tape, EXECUTION, _cancelling())
        await _live(tape, venue, "report")

    asyncio.run(talk())
    assert _said(tape) == ["sending", "ack", "report"]


class ForgetfulVenue(BookedVenue):
    """Drops the first two cancels."""

    cancels = 0

    @override
    async def cancel(self, client_order_id: str) -> None:
        self.cancels += 1
        if self.cancels > 2:
            await super().cancel(client_order_id)


def test_a_cancel_that_the_broker_drops_is_repeated() -> None:
    tape, venue = MemoryTape("00112233445566ff"), ForgetfulVenue()
    _born(tape)
    _put(tape, EXECUTION, order())

    async def talk() -> None:
        await _live(tape, venue, "ack")
        _put(tape, EXECUTION, _cancelling())
        await _live(tape, venue, "report")

    asyncio.run(talk())
    assert venue.cancels >= 3
    assert _said(tape) == ["sending", "ack", "report"]
