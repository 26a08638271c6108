"""Tests of the tests: a desk broken on purpose is caught within a few seeds, by the right rule.

Each variant takes away one thing that the design rests on. If one of these tests fails, the
simulation has become blind to what that thing is for.
"""

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, override

import msgspec
import pytest

from services.execution import core as execution_core
from services.risk import core as risk_core
from services.risk.assembly import risk_actor
from services.risk.core import RiskCore
from shared.core import Stamp
from shared.domain.errors import UnavailableError
from shared.messages.base import Message
from shared.messages.broker import Refused, Sending
from shared.messages.decisions import Denied
from shared.messages.orders import Submitting
from shared.runtime import runner
from shared.runtime.actor import Actor
from shared.runtime.gate import BrokerGate, GateSettings
from shared.runtime.gate_book import GateOrder, names
from shared.runtime.runner import Runner
from shared.runtime.sieve import MarketSieve
from shared.runtime.snapshots import Snapshot
from shared.runtime.venue import Execution, VenueEvent
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import NoVerdictError
from shared.tape.publisher import LanePublisher
from tests.simulation import keeping, link
from tests.simulation.link import SimReader
from tests.simulation.remote import RemoteWorld
from tests.simulation.rounds import judge
from tests.simulation.seams import Change
from tests.simulation.world import World

SEEDS_MAX = 150


class Hopeful(LanePublisher):
    """Takes a publish without a verdict for done."""

    @override
    async def _send(self, outs: list[Outgoing]) -> int:  # type: ignore[override]
        try:
            return await super()._send(outs)
        except (NoVerdictError, UnavailableError):
            return self.head + 1


class Hasty(Runner):
    """Takes its snapshots before what it says is on the tape."""

    @override
    async def _answer(self, *, at_once: bool) -> None:
        place = (self._handled, self._accounted_seq, self._last_word)
        self._snapshotter.offer(*place, self._sieve)
        await super()._answer(at_once=at_once)


class Forgetful(Runner):
    """Leaves what a crash cut short as it stands."""

    @override
    async def _take_own(self, entry: Entry) -> None:
        if entry.seq == self._lane_end and self._pending:
            while len(self._pending) > 1 and self._pending[-1].cause == entry.cause:
                self._pending.pop()
        await super()._take_own(entry)


class Trusting(Runner):
    """Does not look at what its lane holds."""

    @override
    def _compare(self, entry: Entry) -> None:
        self._role.heard()
        if self._pending:
            self._pending.popleft()


class ForgetfulSieve(MarketSieve):
    """Begins anew after every start."""

    def __init__(self, newest_ns: dict[str, int] | None = None) -> None:
        super().__init__({})


class Skipping(SimReader):
    """Loses a message when it is made anew."""

    @override
    def _stumble(self, now_s: float) -> None:
        before = self.recreations
        super()._stumble(now_s)
        if self.recreations > before and self._peek() is not None:
            self._next_seq += 1


_dice = Random(5)


class Moody(RiskCore):
    """Iterates over a set: gives its reasons in an order that differs from run to run."""

    @override
    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        said = super().handle(stamp, message)
        return tuple(_shuffled(one) if isinstance(one, Denied) else one for one in said)


def _shuffled(denied: Denied) -> Denied:
    reasons = list(denied.reasons)
    _dice.shuffle(reasons)
    return Denied(
        signal_id=denied.signal_id,
        strategy_id=denied.strategy_id,
        symbol=denied.symbol,
        side=denied.side,
        intent=denied.intent,
        quantity=denied.quantity,
        reasons=tuple(reasons),
    )


def _always(*_: object) -> bool:
    return True


def _unchecked(data: bytes) -> Snapshot | None:
    """Read a snapshot without looking at its checksum."""
    try:
        return msgspec.msgpack.decode(data, type=Snapshot)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _without_fences(world: World) -> list[Change]:
    world.log.checks_fences = False
    return []


def _hosting(kind: type[Runner]) -> Callable[[World], list[Change]]:
    def hosted(world: World) -> list[Change]:
        world.runner_class = kind
        world.snapshot_every = min(world.snapshot_every, 25)
        return []

    return hosted


def _changing(*changes: Change) -> Callable[[World], list[Change]]:
    return lambda _: list(changes)


def _with_moods(world: World) -> list[Change]:
    def moody() -> Actor:
        made = risk_actor(world.desk.risk, world.desk.book)
        return replace(made, core=Moody(world.desk.risk, world.desk.book))

    world.makers["risk.main"] = moody
    return []


def _trusting_moods(world: World) -> list[Change]:
    return [*_hosting(Trusting)(world), *_with_moods(world)]


VARIANTS: dict[str, tuple[Callable[[World], list[Change]], str]] = {
    "the fence is removed": (_without_fences, "INV-LANE|INV-OUTPUT|INV-IDENTITY|DivergenceError"),
    "a publish without a verdict is taken for done": (
        _changing((runner, "LanePublisher", Hopeful)),
        "INV-|Divergence|Stuck",
    ),
    "a snapshot ahead of its acks": (_hosting(Hasty), "INV-|Divergence"),
    "a prefix is not completed": (_hosting(Forgetful), "INV-OUTPUT|INV-REPLAY|Divergence"),
    "nobody compares, and iteration in no order": (_trusting_moods, "INV-REPLAY"),
    "a snapshot's checksum is not looked at": (
        _changing((keeping, "decode", _unchecked)),
        "INV-|Divergence",
    ),
    "the sieve is not in the snapshot": (
        _changing((runner, "MarketSieve", ForgetfulSieve)),
        "INV-|Divergence",
    ),
    "a reader loses a message": (_changing((link, "SimReader", Skipping)), "INV-|Divergence|Stuck"),
    "a command is obeyed twice": (
        _changing((risk_core, "is_first", _always), (execution_core, "is_first", _always)),
        "INV-COMMAND|INV-KILL|INV-HALT",
    ),
    "iteration in no order": (_with_moods, "INV-REPLAY|Divergence"),
}


def caught(breakage: Callable[[World], list[Change]], first: int = 1) -> tuple[int, list[str]]:
    """Return the first seed that shows the variant to be broken, and what it showed."""
    for seed in range(first, first + SEEDS_MAX):
        world = World(seed)
        world.faulty = breakage(world)
        faults = judge(seed, world).faults
        if faults:
            return seed, faults
    return 0, []


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_desk_is_caught(name: str) -> None:
    breakage, rules = VARIANTS[name]
    seed, faults = caught(breakage)
    assert seed, f"{name}: not noticed in {SEEDS_MAX} seeds"
    assert any(rule in fault for rule in rules.split("|") for fault in faults), faults[:5]


class Rash(BrokerGate):
    """Lets an order out before it says so."""

    @override
    async def _send(self, order: GateOrder, attempt: int) -> None:
        began_s = self._clock.passed_s()
        if await self._refusal(order.submitting) is None:
            await self._post(order, began_s)
        sending = Sending(**names(order.submitting), attempt=attempt)
        if not order.is_over and not order.is_acked:
            await self._record_of(order, sending, f"sending/{attempt}")


class Insistent(BrokerGate):
    """Sends again whenever it has no answer, without looking the order up."""

    @override
    async def _settle(self, order: GateOrder) -> None:
        await self._send(order, order.attempt + 1)


class Deaf(BrokerGate):
    """Does not look for a kill before it sends."""

    @override
    async def _refusal(self, order: Submitting) -> Refused | None:
        return None


class Impatient(BrokerGate):
    """Does not wait until its `sending` is on the disk."""

    def __init__(self, *args: Any, settings: GateSettings, **more: Any) -> None:
        super().__init__(*args, settings=msgspec.structs.replace(settings, sync_s=0.0), **more)


class Careless(BrokerGate):
    """Never compares with the broker's own books, and so misses what the stream has lost."""

    @override
    async def _record_event(self, event: VenueEvent) -> None:
        if not isinstance(event, Execution) or self._clock.passed_s() * 10 % 2 < 1:
            await super()._record_event(event)


GATES: dict[str, tuple[type[BrokerGate], str]] = {
    "a side effect before its `sending`": (Rash, "INV-SENDING"),
    "sent again without a look": (Insistent, "INV-SENDING"),
    "a gate that does not look for kills": (Deaf, "INV-KILL"),
    "a gate that does not wait for the disk": (Impatient, "INV-SENDING"),
    "a gate that loses executions": (Careless, "INV-EXECUTION|Stuck|INV-"),
}


FIRST = {"a gate that does not look for kills": 203, "sent again without a look": 43}
"""Rare ones begin a little before the first seed that shows them."""


@pytest.mark.parametrize("name", GATES)
def test_a_broken_gate_is_caught(name: str) -> None:
    kind, rules = GATES[name]
    first = FIRST.get(name, 3)
    for seed in range(first, first + 4 * SEEDS_MAX, 4):
        world = RemoteWorld(seed)
        world.gate_class, world.drill_odds = kind, 1.0
        faults = judge(seed, world).faults
        if faults:
            assert any(rule in fault for rule in rules.split("|") for fault in faults), faults[:5]
            return
    raise AssertionError(f"{name}: not noticed in {SEEDS_MAX} seeds")
