"""The independent auditor: what must hold on every finished tape, worked out a second time.

It knows messages and arithmetic, nothing of the cores. Each check is one generator of breaches,
named as in docs/invariants.md.
"""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from shared.domain.values import Intent
from shared.messages.base import Message
from shared.messages.broker import Report
from shared.messages.control import (
    Activate,
    Command,
    Deactivate,
    Kill,
    Quarantine,
    Resume,
)
from shared.messages.decisions import Approved, Denied, Halted, Resumed
from shared.messages.lane import State
from shared.messages.orders import (
    Cancelled,
    Cancelling,
    Expired,
    Filled,
    OrderMessage,
    Rejected,
    Submitting,
)
from shared.messages.signals import Signal, Suppressed
from tests.simulation.evidence import ACTORS, Breach, Evidence, Fact

ENDS = (Cancelled, Expired, Rejected)
AS_ASKED = ("strategy_id", "symbol", "side", "intent")
AS_APPROVED = (
    *("signal_id", "strategy_id", "symbol", "side", "intent", "quantity"),
    *("order_type", "limit_price", "time_in_force", "valid_until_ns"),
)


def audit(evidence: Evidence) -> list[Breach]:
    """Return every breach; none on a tape that an honest desk wrote."""
    checks = (
        check_lanes,
        check_outputs,
        check_identities,
        check_decisions,
        check_reasons,
        check_submissions,
        check_commands,
        check_kills,
        check_activity,
        check_fills,
        check_ends,
    )
    return [breach for check in checks for breach in check(evidence)]


def _said(evidence: Evidence) -> Iterator[Fact]:
    """Yield what actors derived: their lanes without birth certificates."""
    for fact in evidence.facts:
        if fact.lane in evidence.outside:
            continue
        is_derived = fact.stamp.lane.service in ACTORS or fact.lane == "data.bars"
        if is_derived and not isinstance(fact.message, State):
            yield fact


def check_lanes(evidence: Evidence) -> Iterator[Breach]:
    """INV-LANE: an actor's lane is fenced, begins with a birth, and its causes never go back."""
    newest: dict[str, int] = {}
    for fact in evidence.facts:
        if fact.stamp.lane.service not in ACTORS and fact.lane != "data.bars":
            continue
        if not fact.entry.fenced:
            yield Breach("INV-LANE", fact.seq, f"{fact.lane} said something without its fence")
        if fact.lane not in newest and not isinstance(fact.message, State):
            yield Breach("INV-LANE", fact.seq, f"{fact.lane} spoke before its birth")
        if not newest.get(fact.lane, 0) <= fact.cause < fact.seq:
            yield Breach(
                "INV-LANE",
                fact.seq,
                f"{fact.lane} answers {fact.cause} after {newest.get(fact.lane, 0)}",
            )
        newest[fact.lane] = max(newest.get(fact.lane, 0), fact.cause)


def check_outputs(evidence: Evidence) -> Iterator[Breach]:
    """INV-OUTPUT: of what an input caused every part stands there once, in order, to the end."""
    groups: dict[tuple[str, int], list[Fact]] = defaultdict(list)
    for fact in _said(evidence):
        groups[fact.lane, fact.cause].append(fact)
    for (lane, cause), facts in groups.items():
        indexes = [fact.entry.index for fact in facts]
        counts = sorted({fact.entry.count for fact in facts})
        if counts != [len(facts)] or indexes != list(range(len(facts))):
            text = f"{lane} answers {cause} with {indexes} of {counts}"
            yield Breach("INV-OUTPUT", facts[0].seq, text)


def check_identities(evidence: Evidence) -> Iterator[Breach]:
    """INV-IDENTITY: no id is given twice, and an answer names the message that caused it."""
    seen: dict[str, int] = {}
    for fact in _said(evidence):
        if fact.stamp.id in seen:
            text = f"{fact.lane} repeats the id of {seen[fact.stamp.id]}"
            yield Breach("INV-IDENTITY", fact.seq, text)
        seen[fact.stamp.id] = fact.seq
        if fact.cause and fact.head.causation_id != evidence.at(fact.cause).stamp.id:
            text = f"{fact.lane} names another cause than message {fact.cause}"
            yield Breach("INV-IDENTITY", fact.seq, text)


def check_decisions(evidence: Evidence) -> Iterator[Breach]:
    """INV-DECISION: each signal is decided once, and as it was asked for."""
    decided: dict[str, int] = {}
    signals = {fact.stamp.id: signal for fact, signal in evidence.of(Signal)}
    for fact in evidence.facts:
        decision = fact.message
        if not isinstance(decision, Approved | Denied):
            continue
        if not isinstance(evidence.at(fact.cause).message, Signal):
            continue  # a flatten is approved without a signal
        if decision.signal_id in decided:
            text = f"{decision.signal_id} was decided at {decided[decision.signal_id]}"
            yield Breach("INV-DECISION", fact.seq, text)
        decided[decision.signal_id] = fact.seq
        signal = signals.get(decision.signal_id)
        if signal is None or any(getattr(signal, n) != getattr(decision, n) for n in AS_ASKED):
            yield Breach("INV-DECISION", fact.seq, "decides what no signal asked for")
    for identity in signals:
        if identity not in decided:
            fact = evidence.by_id[identity]
            yield Breach("INV-DECISION", fact.seq, "a signal was never decided")


def check_reasons(evidence: Evidence) -> Iterator[Breach]:
    """INV-DENIAL: a denial has reasons, all of them failures. INV-APPROVAL: of some quantity."""
    for fact, denied in evidence.of(Denied):
        if not denied.reasons or any(check.passed for check in denied.reasons):
            yield Breach("INV-DENIAL", fact.seq, "a denial without a reason that failed")
    for fact, approved in evidence.of(Approved):
        if approved.quantity <= 0 or not all(check.passed for check in approved.checks):
            yield Breach("INV-APPROVAL", fact.seq, f"approves {approved.quantity}")


def check_submissions(evidence: Evidence) -> Iterator[Breach]:
    """INV-ONE-ORDER: one approval makes one order or one rejection; client ids are unique."""
    answered: dict[int, int] = {}
    clients: dict[str, int] = {}
    for fact in evidence.facts:
        order = fact.message
        is_answer = isinstance(order, Rejected) and isinstance(
            evidence.at(fact.cause).message, Approved
        )
        if not isinstance(order, Submitting) and not is_answer:
            continue
        assert isinstance(order, OrderMessage)
        approved = evidence.at(fact.cause).message
        if fact.cause in answered:
            yield Breach("INV-ONE-ORDER", fact.seq, f"approval {fact.cause} is answered twice")
        answered[fact.cause] = fact.seq
        if order.client_order_id in clients:
            yield Breach("INV-ONE-ORDER", fact.seq, f"{order.client_order_id} is used twice")
        clients[order.client_order_id] = fact.seq
        if not isinstance(approved, Approved) or evidence.at(fact.cause).lane != "risk.main":
            yield Breach("INV-APPROVAL", fact.seq, "an order that risk did not approve")
        elif isinstance(order, Submitting) and any(
            getattr(order, name) != getattr(approved, name) for name in AS_APPROVED
        ):
            yield Breach("INV-APPROVAL", fact.seq, "another order than was approved")
    for fact, _ in evidence.of(Approved):
        if fact.seq not in answered:
            yield Breach("INV-ONE-ORDER", fact.seq, "an approval was never answered")


def check_commands(evidence: Evidence) -> Iterator[Breach]:
    """INV-COMMAND: a command is obeyed once for each id: its repetition causes nothing."""
    first: dict[str, int] = {}
    for fact in evidence.facts:
        if isinstance(fact.message, Command):
            first.setdefault(fact.stamp.id, fact.seq)
    for fact in _said(evidence):
        cause = evidence.at(fact.cause) if fact.cause else fact
        if first.get(cause.stamp.id, cause.seq) != cause.seq:
            text = f"{fact.lane} obeys the command of {first[cause.stamp.id]} again"
            yield Breach("INV-COMMAND", fact.seq, text)


class Stops:
    """When the desk was killed or halted, by commands and what risk said of losses."""

    def __init__(self) -> None:
        self.killed_seq = 0
        self.halted_seq = 0
        self._known: set[str] = set()

    def take(self, fact: Fact, causes: list[Message]) -> None:
        """Take what stands at a sequence, and what risk made of it."""
        message = fact.message
        if isinstance(message, Command) and fact.stamp.id not in self._known:
            self._known.add(fact.stamp.id)
            self._obey(fact, message)
        for said in causes:
            if isinstance(said, Halted) and said.code != "killed":
                self.halted_seq = fact.seq
            elif isinstance(said, Resumed) and not said.operator:
                self.halted_seq = 0

    def _obey(self, fact: Fact, message: Message) -> None:
        if isinstance(message, Kill):
            self.killed_seq = fact.seq
        elif isinstance(message, Resume) and not is_late(fact, message):
            expected = message.expected_seq
            if expected >= self.killed_seq:
                self.killed_seq = 0
            if expected >= self.halted_seq:
                self.halted_seq = 0


def is_late(fact: Fact, command: Command) -> bool:
    """Tell whether a command was recorded after its time."""
    return bool(command.valid_until_ns) and fact.entry.recorded_ns > command.valid_until_ns


def check_kills(evidence: Evidence) -> Iterator[Breach]:
    """INV-KILL: nothing is approved or submitted for what comes after a kill; open orders are
    cancelled. INV-HALT: nothing that opens is approved after a halt.
    """
    answers: dict[int, list[Fact]] = defaultdict(list)
    for fact in _said(evidence):
        answers[fact.cause].append(fact)
    stops = Stops()
    working: dict[str, Submitting] = {}
    for fact in evidence.facts:
        said = answers.get(fact.seq, [])
        was_killed = stops.killed_seq
        stops.take(fact, [one.message for one in said if one.lane == "risk.main"])
        for one in said:
            message = one.message
            if isinstance(message, Approved | Submitting) and stops.killed_seq:
                text = f"{type(message).__name__} after the kill at {stops.killed_seq}"
                yield Breach("INV-KILL", one.seq, text)
            elif isinstance(message, Approved) and _opens_after(stops, fact, message):
                yield Breach("INV-HALT", one.seq, f"opens after the halt at {stops.halted_seq}")
            elif _is_stopped(message) and not (stops.killed_seq or stops.halted_seq):
                yield Breach("INV-HALT", one.seq, "is denied for a halt that is over")
        if stops.killed_seq == fact.seq != was_killed:
            names = {m.client_order_id for m in _messages(said) if isinstance(m, Cancelling)}
            for name in working:
                if name not in names:
                    yield Breach("INV-KILL", fact.seq, f"{name} is left to work by a kill")
        _follow(working, said)


def _messages(said: list[Fact]) -> list[Message]:
    return [fact.message for fact in said]


def _is_stopped(message: Message) -> bool:
    """Tell whether it is a denial because of a kill or a halt."""
    return isinstance(message, Denied) and any(c.code == "halted" for c in message.reasons)


def _opens_after(stops: Stops, fact: Fact, approved: Approved) -> bool:
    return (
        bool(stops.halted_seq) and stops.halted_seq < fact.seq and (approved.intent is Intent.OPEN)
    )


def _follow(working: dict[str, Submitting], said: list[Fact]) -> None:
    """Keep the orders that execution knows to work and has not asked to cancel."""
    for fact in said:
        message = fact.message
        if isinstance(message, Submitting):
            working[message.client_order_id] = message
        elif isinstance(message, Cancelling | Cancelled | Expired | Rejected) or (
            isinstance(message, Filled) and message.is_complete
        ):
            working.pop(message.client_order_id, None)


class Activity:
    """Which strategies are active, by commands and their own quarantine."""

    def __init__(self) -> None:
        self._active: dict[str, bool] = {}
        self._changed: dict[str, int] = {}
        self._known: set[str] = set()

    def is_active(self, name: str) -> bool:
        """Tell whether a strategy may speak now."""
        return self._active.get(name, False)

    def stop(self, name: str, seq: int) -> None:
        """Take it out of service."""
        self._active[name], self._changed[name] = False, seq

    def take(self, fact: Fact) -> None:
        """Obey a command, once for each id."""
        command = fact.message
        if not isinstance(command, Activate | Deactivate | Quarantine):
            return
        name, is_first = command.strategy_id, fact.stamp.id not in self._known
        self._known.add(fact.stamp.id)
        if not is_first:
            return
        if not isinstance(command, Activate):
            self.stop(name, fact.seq)
        elif not is_late(fact, command) and command.expected_seq >= self._changed.get(name, 0):
            self._active[name], self._changed[name] = True, fact.seq


def check_activity(evidence: Evidence) -> Iterator[Breach]:
    """INV-ACTIVE: a strategy signals only while it is active, and not what it was born into."""
    answers: dict[int, list[Fact]] = defaultdict(list)
    births: dict[str, int] = {}
    for fact in evidence.facts:
        if isinstance(fact.message, Signal | Suppressed):
            answers[fact.cause].append(fact)
        elif isinstance(fact.message, State):
            births[fact.lane] = fact.message.from_seq
    activity = Activity()
    for fact in evidence.facts:
        activity.take(fact)
        for one in answers.get(fact.seq, ()):
            said = one.message
            if isinstance(said, Suppressed) and said.code == "quarantined":
                activity.stop(said.strategy_id, fact.seq)
            elif isinstance(said, Signal) and (
                not activity.is_active(said.strategy_id) or one.cause <= births.get(one.lane, 0)
            ):
                yield Breach("INV-ACTIVE", one.seq, f"{said.strategy_id} speaks while inactive")


def check_fills(evidence: Evidence) -> Iterator[Breach]:
    """INV-FILL: each fill is one report of the broker, of one order, and none is overfilled."""
    orders = {order.client_order_id: order for _, order in evidence.of(Submitting)}
    reports: dict[str, Report] = {}
    for fact, report in evidence.of(Report):
        if report.kind == "fill":
            if report.execution_id in reports:
                text = f"execution {report.execution_id} is reported twice"
                yield Breach("INV-FILL", fact.seq, text)
            reports[report.execution_id] = report
    filled: dict[str, Decimal] = {}
    seen: set[str] = set()
    for fact, fill in evidence.of(Filled):
        order, reported = orders.get(fill.client_order_id), reports.get(fill.execution_id)
        total = filled.get(fill.client_order_id, Decimal(0)) + fill.quantity
        filled[fill.client_order_id] = total
        if order is None or reported is None or fill.execution_id in seen:
            yield Breach("INV-FILL", fact.seq, f"{fill.execution_id}: no order, report, or twice")
            continue
        seen.add(fill.execution_id)
        numbers = ("quantity", "price", "commission", "fees", "client_order_id")
        if any(getattr(fill, name) != getattr(reported, name) for name in numbers):
            yield Breach("INV-FILL", fact.seq, f"{fill.execution_id} is not as reported")
        is_whole = total == order.quantity
        said = (fill.cumulative_quantity, fill.order_quantity, fill.is_complete)
        if total > order.quantity or said != (total, order.quantity, is_whole):
            yield Breach("INV-FILL", fact.seq, f"{total} of {order.quantity}, said {said}")
    for name in reports:
        if name not in seen:
            yield Breach("INV-FILL", 0, f"execution {name} was reported and never booked")


def check_ends(evidence: Evidence) -> Iterator[Breach]:
    """INV-ORDER-STATE: an order is submitted first, ends once, and nothing follows its end."""
    open_orders: set[str] = set()
    ended: dict[str, int] = {}
    for fact in evidence.facts:
        message = fact.message
        if not isinstance(message, OrderMessage):
            continue
        name = message.client_order_id
        if isinstance(message, Submitting):
            open_orders.add(name)
        elif name in ended:
            text = f"{type(message).__name__} after the end at {ended[name]}"
            yield Breach("INV-ORDER-STATE", fact.seq, text)
        elif name not in open_orders and not isinstance(message, Rejected):
            yield Breach("INV-ORDER-STATE", fact.seq, f"{name} was never submitted")
        if isinstance(message, ENDS) or (isinstance(message, Filled) and message.is_complete):
            ended[name] = fact.seq
            open_orders.discard(name)
