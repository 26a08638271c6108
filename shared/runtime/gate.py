"""The broker gate: the one place where an effect leaves for the outside world (design 2.5).

It is the fenced writer of `broker.<book>` for a real broker, whatever the broker; an adapter
(`venue.Venue`) only speaks the protocol. In this order, for each `submitting`: the last gate;
`sending` on the tape; two sync intervals; the last gate again; one POST, if less than
`send_within_s` have passed. A POST is never repeated blindly: after a lost answer, a crash or a
takeover the gate waits until no request of before can still arrive, looks the order up, sends
again only where a repeated id is refused, and otherwise says that the order is doubtful.

Its state is a fold of its inputs and its lane, from the tape's first message on at every start:
orders are few beside market data, and nothing but the tape is asked what was sent. It leads (and
only then sends) when it has read its lane to the end and has put its certificate and a snapshot
there. What it says answers no single message (a broker speaks when it likes): `Tape-Cause` is how
far it had read when it said it. Orders that were submitted before a gate of this venue was born
(a paper broker had the lane) never leave.
"""

import asyncio
import time
from collections.abc import Callable, Container
from typing import Protocol

from msgspec import Struct

from shared.domain.errors import UnavailableError
from shared.domain.values import NS_PER_S, Intent
from shared.messages.base import Message
from shared.messages.broker import Ack, BrokerSnapshot, Doubtful, Refused, Report, Sending
from shared.messages.lane import State
from shared.messages.orders import Submitting
from shared.runtime.birth import certified, is_same_release
from shared.runtime.clock import now_ns
from shared.runtime.gate_book import GateBook, GateOrder, names
from shared.runtime.gate_watch import TapeWatch
from shared.runtime.venue import (
    Execution,
    NoAnswerError,
    RepeatedIdError,
    Venue,
    VenueEvent,
    VenueOrder,
    VenueRefusedError,
)
from shared.subjects import lane, reading
from shared.tape.entry import Entry, fact
from shared.tape.interface import FenceLostError, Reader, Tape
from shared.tape.publisher import LanePublisher

IDLE_S = 0.05
PAUSE_S = 0.5  # before the broker's stream, or the tape, is tried again
PACKAGES = ("shared.runtime.gate", "shared.runtime.gate_book", "shared.domain", "shared.messages")
ATTEMPTS_MAX = 3  # then an operator has to look


class GateSettings(Struct, frozen=True, kw_only=True):
    """Times in seconds. `takeover_s` must exceed `snapshot_s` several times: the snapshot is the
    leader's sign of life; 0: this gate is configured alone.
    """

    send_within_s: float = 2.0
    sync_s: float = 0.01
    snapshot_s: float = 5.0
    takeover_s: float = 0.0
    cancel_after_s: float = 30.0
    cancel_again_s: float = 5.0
    events_max: int = 1_000


class GateClock(Protocol):
    """Wall time for `valid_until`; time that also passes in suspend for everything else."""

    def wall_ns(self) -> int: ...

    def passed_s(self) -> float: ...


class SystemClock:
    """The machine's."""

    def wall_ns(self) -> int:
        """Return wall time."""
        return now_ns()

    def passed_s(self) -> float:
        """Return seconds since boot, those asleep included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)


class BrokerGate:
    """One gate of one book. `is_latched` tells whether a kill came by another way than the tape.

    `name` says which account at which broker this is: a gate of the same name goes on with the
    orders of the one before it, one of another name leaves them alone.
    """

    def __init__(
        self,
        book: str,
        tape: Tape,
        venue: Venue,
        *,
        settings: GateSettings,
        is_latched: Callable[[], bool],
        name: str,
        say: Callable[[str], None] = lambda _: None,
        clock: GateClock | None = None,
    ) -> None:
        self._lane = lane("broker", book)
        self._risk = lane("risk", book)
        self._reads = (
            reading("execution", book, "submitting", ">"),
            reading("execution", book, "cancelling", ">"),
            reading("control", "*", "kill"),
            reading("control", "*", "resume"),
            self._lane.fence,
        )
        self._tape = tape
        self._venue = venue
        self._settings = settings
        self._is_latched = is_latched
        self._say = say
        self._clock = clock or SystemClock()
        self._book = GateBook()
        self._publisher = LanePublisher(tape, self._lane, 0, say)
        self._name = name
        self._events: asyncio.Queue[VenueEvent] = asyncio.Queue(settings.events_max)
        self._watch = TapeWatch(
            tape,
            venue,
            self._resting,
            cancel_after_s=settings.cancel_after_s,
            cancel_again_s=settings.cancel_again_s,
            passed_s=self._clock.passed_s,
            say=say,
        )
        self._read_seq = 0
        self._heard_s = self._clock.passed_s()
        self._stated_s: float | None = None
        self._leads = False
        self._stopped = False

    @property
    def leads(self) -> bool:
        """True when the lane's last word is this gate's."""
        return self._leads

    def stop(self) -> None:
        """End after the step in hand."""
        self._stopped = True

    async def run(self) -> None:
        """Read, send and report until stopped. A gate that loses the fence is a standby again."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(self._listen()), group.create_task(self._watch.run())]
            async with self._tape.reader(self._reads, 1) as reader:
                while not self._stopped:
                    try:
                        await self._step(reader)
                    except FenceLostError as lost:
                        self._leads = False
                        self._heard_s = self._clock.passed_s()
                        self._say(str(lost))
                    except UnavailableError as away:
                        self._say(str(away))  # what was begun is on the tape: `_settle` ends it
                        await asyncio.sleep(PAUSE_S)
            for task in beside:
                task.cancel()

    async def _step(self, reader: Reader) -> None:
        entry = await reader.next(IDLE_S)
        if entry is not None:
            self._take(entry)
        if not reader.is_idle:
            return  # nothing leaves before all is read that stands on the tape
        if not self._leads and not await self._may_lead():
            self._drop_events()
            return
        if (outage := self._watch.outage) is not None:
            await self._record(outage, f"outage/{self._clock.wall_ns()}")
            self._watch.recorded(outage)
        for order in tuple(self._book.orders.values()):
            await self._attend(order)
        await self._record_events()
        await self._state_account()

    def _take(self, entry: Entry) -> None:
        self._read_seq = entry.seq
        if entry.lane == self._lane:
            if entry.seq <= self._publisher.head:
                return  # our own: folded when it was recorded
            self._leads = False
            self._publisher.head = entry.seq
            self._heard_s = self._clock.passed_s()
        stamp, message = entry.open()
        self._book.take(stamp, message, self._clock.passed_s())

    async def _may_lead(self) -> bool:
        silent_s = self._clock.passed_s() - self._heard_s
        if silent_s < self._settings.takeover_s:
            return False
        end = await self._tape.last(self._lane.fence)
        if end is not None and end.seq > self._publisher.head:
            return False  # it stands there, we have not read it yet
        # The certificate or the snapshot claims the lane: a gate that could write neither sends
        # nothing. The snapshot also brings what was missed.
        await self._be_born()
        self._stated_s = None
        await self._state_account()
        return self._leads

    async def _be_born(self) -> None:
        """Make sure that the lane's newest certificate is this release's."""
        known = await self._tape.last(f"{self._lane}.state")
        state = known.open()[1] if known is not None else None
        configuration = {"gate": self._name}
        mine = certified(PACKAGES, configuration, 0)
        if not isinstance(state, State) or state.configuration != mine.configuration:
            mine = certified(PACKAGES, configuration, (await self._tape.bounds()).last)
        elif is_same_release(state, mine):
            return
        else:
            mine = certified(PACKAGES, configuration, state.from_seq)
        await self._record(mine, f"birth/{mine.code_digest}/{self._read_seq}")

    def _drop_events(self) -> None:
        """A standby forgets what the stream brings: the snapshot tells it again when it leads."""
        while not self._events.empty():
            self._events.get_nowait()

    def _resting(self) -> tuple[str, ...]:
        if not self._leads:
            return ()
        return tuple(key for key, order in self._book.orders.items() if order.may_rest)

    async def _record(self, message: Message, key: str) -> None:
        ts_ns, cause = self._clock.wall_ns(), self._read_seq
        out = fact(self._tape.id, self._lane, message, ts_ns=ts_ns, key=key, cause=cause)
        await self._publisher.publish([out])
        self._leads = True
        entry = Entry(
            seq=self._publisher.head,
            subject=out.subject,
            payload=out.payload,
            recorded_ns=ts_ns,
            cause=cause,
            fenced=True,
        )
        self._book.take(entry.open()[0], message, self._clock.passed_s())

    async def _record_of(self, order: GateOrder, message: Message, kind: str) -> None:
        key = f"{order.submitting.client_order_id}/{kind}"
        await self._record(message, key)

    async def _attend(self, order: GateOrder) -> None:
        """Do what is due for one order."""
        if order.is_unsent and order.seq <= self._book.from_seq:
            await self._disown(order)
        elif order.is_unsent and order.cancel_reason is not None:
            ended = Report(**names(order.submitting), kind="cancelled", reason=order.cancel_reason)
            await self._record_of(order, ended, "end")  # nothing has left: that is the proof
        elif order.is_unsent:
            await self._send(order, 1)
        elif order.is_unanswered:
            await self._settle(order)
        elif order.cancel_reason is not None and self._is_cancel_due(order):
            await self._cancel(order)

    def _is_cancel_due(self, order: GateOrder) -> bool:
        """Brokers drop cancels: one is asked for until the order has ended."""
        sent_s = order.cancel_sent_s
        return sent_s is None or self._clock.passed_s() - sent_s >= self._settings.cancel_again_s

    async def _disown(self, order: GateOrder) -> None:
        """End an order that was meant for whoever had the lane before; this broker has none."""
        named, reason = names(order.submitting), "submitted before this gate was born"
        if order.is_acked:
            ended = Report(**named, kind="cancelled", reason=reason)
            await self._record_of(order, ended, "end")
        else:
            refused = Refused(**named, code="before_birth", detail=reason)
            await self._record_of(order, refused, "refused")

    async def _send(self, order: GateOrder, attempt: int) -> None:
        """Let one order out, or say why not."""
        began_s = self._clock.passed_s()
        refusal = await self._refusal(order.submitting)
        if refusal is None:
            sending = Sending(**names(order.submitting), attempt=attempt)
            await self._record_of(order, sending, f"sending/{attempt}")
            await asyncio.sleep(2 * self._settings.sync_s)
            refusal = await self._refusal(order.submitting)
        if refusal is None:
            refusal = await self._post(order, began_s)
        if refusal is None:
            return
        if attempt == 1:
            await self._record_of(order, refusal, "refused")
        else:  # the first attempt may still be at the broker: a refusal would be a guess
            detail = f"not sent again ({refusal.code}); the first request was not answered"
            await self._record_of(
                order, Doubtful(**names(order.submitting), detail=detail), "doubt"
            )

    async def _post(self, order: GateOrder, began_s: float) -> Refused | None:
        """Call the broker, or return why it is too late. Nothing is awaited in between."""
        wire = _wire(order.submitting)
        late_s = self._clock.wall_ns() / NS_PER_S - order.submitting.valid_until_ns / NS_PER_S
        passed_s = self._clock.passed_s() - began_s
        if late_s > 0 or passed_s >= self._settings.send_within_s:
            detail = f"{passed_s:.3f} s passed before it could leave"
            return Refused(**names(order.submitting), code="expired", detail=detail)
        try:
            said = await self._venue.submit(wire)
        except VenueRefusedError as no:
            refused = Refused(**names(order.submitting), code=no.code, detail=no.detail)
            await self._record_of(order, refused, "refused")
        except (NoAnswerError, RepeatedIdError) as error:
            order.sent_s = self._clock.passed_s()  # `_settle` looks it up when it is time
            self._say(f"{order.submitting.client_order_id}: {error}")
        else:
            await self._record_of(order, _ack(order, said.broker_order_id), "ack")
        return None

    async def _refusal(self, order: Submitting) -> Refused | None:
        """The last gate: own clock, and the newest kill and halt as the leader knows them."""
        kill = await self._tape.last("control.*.kill")
        halted = await self._tape.last(f"{self._risk}.halted")
        resumed = await self._tape.last(f"{self._risk}.resumed")
        late_ns = self._clock.wall_ns() - order.valid_until_ns
        code, detail = "", ""
        if self._is_latched():
            code, detail = "killed", "a kill is latched"
        elif self._book.killed_seq or (kill is not None and self._is_news(kill)):
            code, detail = "killed", f"at sequence {kill.seq if kill else self._book.killed_seq}"
        elif order.intent is Intent.OPEN and _seq(halted) > _seq(resumed):
            code, detail = "halted", f"at sequence {_seq(halted)}"
        elif late_ns > 0:
            code, detail = "expired", f"{late_ns / NS_PER_S:.3f} s ago"
        return Refused(**names(order), code=code, detail=detail) if code else None

    def _is_news(self, kill: Entry) -> bool:
        return kill.seq > self._read_seq and kill.open()[0].id not in self._book.commands

    async def _settle(self, order: GateOrder) -> None:
        """Find out what became of a request, once none of before can still arrive."""
        wait_s = self._settings.send_within_s + self._venue.timeout_s
        if self._clock.passed_s() - order.sent_s < wait_s:
            return
        try:
            found = await self._venue.find(order.submitting.client_order_id)
        except NoAnswerError as error:
            self._say(str(error))
            return
        if found is not None:
            await self._record_of(order, _ack(order, found.broker_order_id), "ack")
        elif self._venue.rejects_repeated_ids and order.attempt < ATTEMPTS_MAX:
            await self._send(order, order.attempt + 1)
        else:
            detail = "the answer was lost and the broker shows no such order: it may still come"
            await self._record_of(
                order, Doubtful(**names(order.submitting), detail=detail), "doubt"
            )

    async def _cancel(self, order: GateOrder) -> None:
        try:
            await self._venue.cancel(order.submitting.client_order_id)
        except NoAnswerError as error:
            self._say(str(error))  # a cancel may be repeated
        else:
            order.cancel_sent_s = self._clock.passed_s()

    async def _record_events(self, seen: Container[str] = ()) -> bool:
        """Record what the stream has brought; tell whether a fill was not among `seen`."""
        is_new = False
        while not self._events.empty():
            event = self._events.get_nowait()
            if isinstance(event, Execution) and event.execution_id not in seen:
                is_new = is_new or event.execution_id not in self._book.executions
            await self._record_event(event)
        return is_new

    async def _record_event(self, event: VenueEvent) -> None:
        """Put on the tape what is new; an end comes with the acknowledgement before it."""
        while (message := self._book.news(event)) is not None:
            kind = getattr(message, "execution_id", "") or str(message.__struct_config__.tag)
            key = f"{event.client_order_id}/{kind}"
            await self._record(message, key)

    async def _state_account(self) -> None:
        """Compare with the broker's own books, now and then; also the sign of life."""
        now_s = self._clock.passed_s()
        is_due = self._stated_s is None or now_s - self._stated_s >= self._settings.snapshot_s
        if self._leads and not is_due:
            return
        # Whatever comes of it, not again at once: brokers count requests.
        self._stated_s = now_s - self._settings.snapshot_s + PAUSE_S
        try:
            snapshot = await self._venue.snapshot()
        except NoAnswerError as error:
            self._say(str(error))
            return
        seen = {execution.execution_id for execution in snapshot.executions}
        for execution in snapshot.executions:
            await self._record_event(execution)
        for order in snapshot.orders:
            await self._record_event(order)
        if await self._record_events(seen):
            return  # it filled since: these positions are behind the fills on the lane; once more
        stated = BrokerSnapshot(
            cash=snapshot.cash, currency=snapshot.currency, positions=dict(snapshot.positions)
        )
        await self._record(stated, f"snapshot/{self._clock.wall_ns()}")
        self._stated_s = now_s

    async def _listen(self) -> None:
        """Keep the broker's stream open; what it loses the snapshot brings."""
        while True:
            try:
                async for event in self._venue.events():
                    await self._events.put(event)
            except NoAnswerError as error:
                self._say(str(error))
            await asyncio.sleep(PAUSE_S)


def _seq(entry: Entry | None) -> int:
    return entry.seq if entry is not None else 0


def _ack(order: GateOrder, broker_order_id: str) -> Ack:
    return Ack(**names(order.submitting), broker_order_id=broker_order_id)


def _wire(order: Submitting) -> VenueOrder:
    return VenueOrder(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        order_type=order.order_type,
        limit_price=order.limit_price,
        trigger_price=order.trigger_price,
        time_in_force=order.time_in_force,
    )
