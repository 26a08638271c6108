"""Tapes for tests: a fresh one on the real server, and what a runner needs around it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from nats.aio.client import Client

from shared.permissions import ADMIN
from shared.runtime.actor import Actor
from shared.runtime.clock import now_ns
from shared.runtime.feed import FeedPlayer
from shared.runtime.health import Readiness
from shared.runtime.instruments import Instruments
from shared.runtime.runner import Runner
from shared.runtime.snapshots import NoSnapshots, SnapshotStore
from shared.runtime.source import TimeSlice
from shared.runtime.turns import AtOnce, InTurn
from shared.tape.entry import Entry
from shared.tape.interface import Tape
from shared.tape.jetstream import STREAM, JetStreamTape, init_tape
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracing
from tests import toy
from tests.servers import NatsUnderTest

TAPE_ID = "00112233445566ff"


@asynccontextmanager
async def connected(server: NatsUnderTest, user: str = ADMIN) -> AsyncIterator[Client]:
    """A connection of one of the desk's users, by default the administrator."""
    client = await server.connect(user)
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def fresh_tape(server: NatsUnderTest) -> AsyncIterator[tuple[Client, JetStreamTape]]:
    """An empty tape on the real server."""
    async with connected(server) as client:
        await client.request(f"$JS.API.STREAM.DELETE.{STREAM}", b"")
        await init_tape(client, TAPE_ID)
        yield client, await JetStreamTape.open(client)


def instruments(actor: Actor) -> Instruments:
    """Instruments that nobody reads."""
    readiness = Readiness("test", "0", stale_after_s=9)
    return Instruments(actor.core.lane, Metrics("test", "0"), Tracing(now_ns), readiness)


@asynccontextmanager
async def hosted(
    client: Client,
    tape: Tape,
    actor: Actor,
    *,
    lockstep: bool = False,
    snapshots: SnapshotStore | None = None,
    standby_after_s: float = 0.0,
) -> AsyncIterator[Runner]:
    """A runner for one actor, ready to `run`."""
    async with AsyncExitStack() as stack:
        turns: AtOnce | InTurn = AtOnce()
        if lockstep:
            turns = InTurn(client, actor.core.lane, actor.rank, actor.core.reads)
            await stack.enter_async_context(turns)
        kept = snapshots or NoSnapshots()
        yield Runner(actor, tape, turns, instruments(actor), kept, standby_after_s)


def player(
    client: Client, tape: JetStreamTape, parts: Sequence[TimeSlice], actors: Sequence[Actor]
) -> FeedPlayer:
    """A conductor's feed for these actors."""
    return FeedPlayer(
        tape=tape,
        client=client,
        lane=toy.FEED,
        source=toy.ListSource(list(parts)),
        speed="max",
        participants=[str(actor.core.lane) for actor in actors],
        log=structlog.get_logger(),
    )


async def whole(tape: Tape) -> list[Entry]:
    """Everything on the tape."""
    last = (await tape.bounds()).last
    found: list[Entry] = []
    async with tape.reader([">"], 1) as reader:
        while len(found) < last:
            entry = await reader.next(5)
            assert entry is not None, f"the reader stopped after {len(found)} of {last}"
            found.append(entry)
    return found


def content(entries: Sequence[Entry]) -> list[tuple[object, ...]]:
    """What must be equal between two tapes: everything but the wall clock."""
    return [(e.seq, e.subject, e.payload, e.cause, e.index, e.count) for e in entries]
