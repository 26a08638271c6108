"""The auditor itself: silent on an honest tape, and each lie is named by its rule."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from shared.messages.base import Message
from shared.messages.broker import BrokerSnapshot
from shared.messages.codec import decode, encode
from shared.messages.decisions import Approved, Denied
from shared.messages.orders import Filled, Submitting
from shared.messages.signals import Signal
from shared.tape.entry import Entry
from tests.real_data import ROOT
from tests.simulation.accounts import check_account, check_closed_days, check_rows
from tests.simulation.auditor import audit
from tests.simulation.evidence import Breach, Evidence
from tests.simulation.loop import play
from tests.simulation.rounds import findings
from tests.simulation.seams import VirtualTime, seams
from tests.simulation.world import World

type Lie = Callable[[list[Entry]], None]
SEED = 7


def honest() -> World:
    """A round with fills."""
    for seed in range(SEED, SEED + 50):
        world, time = World(seed), VirtualTime()
        world.weather.is_calm = True
        with seams(seed, time, world.snapshot_every):
            play(world.play(time), world.draw)
            assert findings(world) == []
        kinds = [type(entry.open()[1]) for entry in world.log.entries]
        if kinds.count(Filled) > 4 and Denied in kinds and kinds.count(BrokerSnapshot) > 1:
            return world
    raise AssertionError("no round with fills")


@pytest.fixture(scope="module")
def world() -> World:
    return honest()


def place(entries: list[Entry], kind: type[Message], nth: int = 0) -> int:
    return [i for i, entry in enumerate(entries) if isinstance(entry.open()[1], kind)][nth]


def rewrite(entries: list[Entry], kind: type[Message], nth: int = 0, **fields: object) -> None:
    """Change fields of the n-th message of a kind; the head stays."""
    at = place(entries, kind, nth)
    head, message = decode(entries[at].payload)
    entries[at] = replace(entries[at], payload=encode(head, replace(message, **fields)))


def drop(entries: list[Entry], kind: type[Message], nth: int = 0) -> None:
    """Put a clock in the place of a message: nobody misses its sequence."""
    at, clock = place(entries, kind, nth), next(e for e in entries if e.subject.endswith("clock"))
    entries[at] = replace(clock, seq=at + 1, fenced=True)


def repeat(entries: list[Entry], kind: type[Message], nth: int = 0) -> None:
    entries.append(replace(entries[place(entries, kind, nth)], seq=len(entries) + 1))


LIES: dict[str, tuple[Lie, str]] = {
    "an approval of more": (lambda e: rewrite(e, Approved, quantity=Decimal(99)), "INV-APPROVAL"),
    "an order of another side": (
        lambda e: rewrite(e, Submitting, side=_other(e, Submitting)),
        "INV-APPROVAL",
    ),
    "a denial without reasons": (lambda e: rewrite(e, Denied, reasons=()), "INV-DENIAL"),
    "a decision of another symbol": (lambda e: rewrite(e, Denied, symbol="ZZZ"), "INV-DECISION"),
    "a decision lost": (lambda e: drop(e, Denied), "INV-DECISION"),
    "a signal twice": (lambda e: repeat(e, Signal, -1), "INV-IDENTITY"),
    "an order twice": (lambda e: repeat(e, Submitting, -1), "INV-ONE-ORDER"),
    "a fill twice": (lambda e: repeat(e, Filled, -1), "INV-FILL"),
    "a fill at another price": (lambda e: rewrite(e, Filled, price=Decimal(1)), "INV-FILL"),
    "a fill of more": (lambda e: rewrite(e, Filled, quantity=Decimal(10_000)), "INV-FILL"),
    "a fill lost": (lambda e: drop(e, Filled), "INV-FILL"),
    "another account": (lambda e: rewrite(e, BrokerSnapshot, 1, cash=Decimal(1)), "INV-ACCOUNT"),
}


def _other(entries: list[Entry], kind: type[Submitting]) -> object:
    message = entries[place(entries, kind)].open()[1]
    assert isinstance(message, Submitting)
    return "sell" if message.side == "buy" else "buy"


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_named(world: World, name: str) -> None:
    lie, rule = LIES[name]
    entries = list(world.log.entries)
    lie(entries)
    evidence = Evidence(entries)
    found = [*audit(evidence), *check_account(evidence), *check_closed_days(evidence)]
    assert rule in {breach.rule for breach in found}, found


def test_an_unfenced_answer_and_one_that_looks_back_are_named(world: World) -> None:
    entries = list(world.log.entries)
    at = place(entries, Filled, 1)
    entries[at] = replace(entries[at], fenced=False, cause=1)
    assert [b.rule for b in audit(Evidence(entries))].count("INV-LANE") == 2


def test_a_row_that_is_gone_or_changed_is_named(world: World) -> None:
    evidence, database = Evidence(world.log.entries), world.database
    lines = database.copies["journal_lines"]
    kept = list(lines)
    try:
        lines[3] = (*lines[3][:5], Decimal("0.01"), *lines[3][6:])
        assert "INV-JOURNAL-ZERO" in rules(check_rows(evidence, database))
        del lines[3]
        assert "INV-JOURNAL-ZERO" in rules(check_rows(evidence, database))
        lines[:] = kept
        event = database.events.pop(5)
        assert "INV-TRAIL" in rules(check_rows(evidence, database))
        database.events.insert(5, event)
        assert not rules(check_rows(evidence, database))
    finally:
        lines[:] = kept


def rules(found: object) -> set[str]:
    assert hasattr(found, "__iter__")
    return {breach.rule for breach in found if isinstance(breach, Breach)}


def test_every_rule_stands_in_the_document() -> None:
    named = set()
    for path in sorted((ROOT / "tests" / "simulation").glob("*.py")):
        named |= set(re.findall(r'Breach\(\s*"(INV-[A-Z-]+)"', path.read_text(encoding="utf-8")))
    document = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    assert len(named) > 15
    assert {rule for rule in named if f"**{rule}**" not in document} == set()
