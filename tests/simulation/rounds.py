"""A round and its verdict: play a seed, audit what it left, execute it again, compare."""

from hashlib import blake2b
from random import Random

import msgspec
from msgspec import Struct

from shared.messages.codec import MessageError
from shared.messages.lane import State
from shared.runtime.exits import first_of
from shared.runtime.replay import Replay
from tests.simulation.accounts import (
    check_account,
    check_agreement,
    check_closed_days,
    check_rows,
)
from tests.simulation.auditor import audit
from tests.simulation.cast import TAPE_ID, a_ledger, makers_of
from tests.simulation.evidence import Breach, Evidence
from tests.simulation.log import Log
from tests.simulation.loop import play
from tests.simulation.remote import RemoteWorld, check_gate
from tests.simulation.seams import VirtualTime, seams
from tests.simulation.world import FEED, World


class Verdict(Struct):
    """What became of a seed. `digest` names the whole tape: the same seed gives the same."""

    seed: int
    faults: list[str]
    story: list[str]
    counts: dict[str, int]
    messages: int
    digest: str


def judge(seed: int, world: World | None = None) -> Verdict:
    """Play and judge one seed, in this world if one is given (a broken one, for a test)."""
    world = world or world_of(seed)
    time = VirtualTime()
    faults: list[str] = []
    with seams(seed, time, world.snapshot_every, world.faulty):
        try:
            play(world.play(time), Random(seed))
        except Exception as error:  # noqa: BLE001 - whatever ended the round is its fault
            faults.append(_shown(error))
        try:
            faults += [str(breach) for breach in findings(world)] if not faults else []
        except (MessageError, LookupError, AssertionError) as error:
            faults.append(f"the tape cannot be audited: {_shown(error)}")
    return Verdict(
        seed=seed,
        faults=faults,
        story=world.weather.story,
        counts=dict(sorted(world.weather.counts.items())),
        messages=world.log.last_seq,
        digest=_digest(world.log),
    )


def world_of(seed: int) -> World:
    """Every fourth desk has its broker far away."""
    return RemoteWorld(seed) if seed % 4 == 3 else World(seed)


def findings(world: World) -> list[Breach]:
    """Return everything that is wrong with what a round left."""
    is_remote = isinstance(world, RemoteWorld)
    evidence = Evidence(world.log.entries, ("broker.main",) if is_remote else ())
    return [
        *audit(evidence),
        *check_account(evidence),
        *check_closed_days(evidence),
        *check_rows(evidence, world.database),
        *check_agreement(evidence),
        *check_feed(evidence, world),
        *check_replay(world, evidence),
        *(check_gate(evidence, world) if isinstance(world, RemoteWorld) else ()),
    ]


def check_feed(evidence: Evidence, world: World) -> list[Breach]:
    """INV-FEED: a fenced feed puts every message of its source on the tape, once, in order."""
    if world.is_live:
        return []
    wanted = [message for part in world.parts for message in part.messages]
    found = [fact.message for fact in evidence.facts if fact.stamp.lane == FEED]
    if wanted == found:
        return []
    return [Breach("INV-FEED", 0, f"{len(found)} of {len(wanted)} messages, or in another order")]


def check_replay(world: World, evidence: Evidence) -> list[Breach]:
    """INV-REPLAY: fresh cores that see the tape undisturbed say and store what was said then."""
    certificates: dict[str, tuple[int, State]] = {
        fact.lane: (fact.seq, state) for fact, state in evidence.of(State)
    }
    core, ledger = a_ledger(world.desk)
    makers = makers_of(world.desk)
    actors = [*(maker() for name, maker in makers.items() if name in world.makers), ledger]
    replay = Replay(TAPE_ID, actors, certificates)
    for fact in evidence.facts:
        replay.feed(fact.entry)
    verdict = replay.end()
    found = [
        Breach("INV-REPLAY", one.seq or one.cause, f"{one.recorded} / {one.produced}")
        for one in verdict.differences
    ]
    if verdict.unanswered:
        found.append(Breach("INV-REPLAY", 0, f"{verdict.unanswered} answers were never given"))
    if not {str(actor.core.lane) for actor in actors} <= certificates.keys():
        found.append(Breach("INV-REPLAY", 0, "somebody was never born"))
    made: dict[str, list[object]] = {}
    for row in core.take_rows(2**62):
        made.setdefault(type(row).__name__, []).append(msgspec.structs.astuple(row))
    lines = world.database.copies.get("journal_lines", [])
    if made.get("LineRow", []) != lines:
        found.append(Breach("INV-REPLAY", 0, "the stored journal is not what the tape makes"))
    return found


def _shown(error: BaseException) -> str:
    root = first_of(error)
    notes = " ".join(getattr(root, "__notes__", ()))
    return f"{type(root).__name__}: {root} {notes}".rstrip()


def _digest(log: Log) -> str:
    digest = blake2b(digest_size=8)
    for entry in log.entries:
        digest.update(f"{entry.subject} {entry.cause} {entry.recorded_ns}\n".encode())
        digest.update(entry.payload)
    return digest.hexdigest()
