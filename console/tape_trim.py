"""`tapedeck tape trim`: remove what nobody needs any more, and say what is still needed."""

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct
from nats.aio.client import Client
from structlog.typing import FilteringBoundLogger

from console.configuration import DEMO, Sources, load_desk
from console.home import home_of
from console.output import print_json
from console.servers import Servers
from console.tape_source import resolve
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.messages.lane import State
from shared.permissions import ADMIN
from shared.runtime.snapshot_store import JetStreamSnapshots
from shared.runtime.snapshots import Snapshot, digest_of, release_of
from shared.subjects import Lane, parse
from shared.tape.administration import StreamInfo, stream_info
from shared.tape.entry import Entry
from shared.tape.interface import Bounds
from shared.tape.jetstream import JetStreamTape
from shared.tape.retention import Cut, plan_cuts, trim


class Bound(Struct, frozen=True):
    """Nothing from `seq` on may go, because of `who`."""

    seq: int
    who: str
    why: str


class _Plan(Struct):
    """What a trim would do. `before` is how far it may go, `asked` how far it was to."""

    asked: int
    before: int
    trimmed_before: int
    bounds: list[Bound]
    cuts: list[Cut]
    removed: int = 0


def trim_tape(
    state: Path | None,
    sources: Sources,
    *,
    before: str,
    forget: Sequence[str],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Trim the tape of a desk that is stopped, as far as nobody needs it."""
    desk = load_desk(sources._replace(default_profile=DEMO))
    home = home_of(state)
    book = desk.book
    if home.config_path.exists():
        book = str(json.loads(home.config_path.read_bytes())["book"])
    with home.claim(), Servers(home, desk) as servers:

        async def run() -> _Plan:
            client = await servers.connect(ADMIN)
            try:
                tape = await JetStreamTape.open(client)
                cursor = await _ledger_cursor(servers, tape.id, book)
                return await _trim(client, tape, before, cursor, forget, dry_run=dry_run)
            finally:
                await client.close()

        plan = asyncio.run(run())
    if as_json:
        print_json(msgspec.to_builtins(plan) | {"dry_run": dry_run})
    else:
        _print(plan, dry_run=dry_run)


async def _trim(
    client: Client,
    tape: JetStreamTape,
    before: str,
    cursor: int,
    forget: Sequence[str],
    *,
    dry_run: bool,
) -> _Plan:
    limits = await tape.bounds()
    asked = await resolve(tape, limits, before, "--before")
    info = await stream_info(client, with_subjects=True)
    if info is None:
        raise UnavailableError("the tape is gone from the server")
    ends, bounds = await _needs(client, tape, info, forget)
    bounds.append(Bound(cursor + 1, "the ledger's database", f"it has stored up to {cursor:,}"))
    bounds.sort(key=lambda bound: bound.seq)
    furthest = min(asked, bounds[0].seq, limits.last + 1)
    plan = _Plan(
        asked=asked,
        before=furthest,
        trimmed_before=limits.trimmed_before,
        bounds=bounds,
        cuts=plan_cuts(info.state.subjects, furthest, ends),
    )
    if not dry_run and _gains(plan, limits):
        plan.removed = await trim(client, info, plan.cuts, furthest)
    return plan


def _gains(plan: _Plan, limits: Bounds) -> bool:
    return plan.before > limits.first and bool(plan.cuts)


async def _needs(
    client: Client, tape: JetStreamTape, info: StreamInfo, forget: Sequence[str]
) -> tuple[dict[Lane, int], list[Bound]]:
    """Return what each lane must keep at least, and what each actor needs of the whole tape."""
    store = JetStreamSnapshots(client, _quiet_log())
    lanes = sorted({parse(subject).lane for subject in info.state.subjects})
    for name in forget:
        if name not in map(str, lanes):
            known = ", ".join(map(str, lanes))
            raise ConfigurationError(f"--forget {name!r}: no such lane; there are {known}")
    ends: dict[Lane, int] = {}
    bounds: list[Bound] = []
    for lane in lanes:
        last = await tape.last(lane.fence)
        if last is None:
            continue
        ends[lane] = last.seq
        certificate = await tape.last(f"{lane}.state")
        if certificate is None or str(lane) in forget:
            continue  # a feed or an operator: nobody starts from what it said
        snapshot = await _newest_usable(store, tape, certificate, last.seq)
        if snapshot is None:
            why = "it has no snapshot of its present release: it would start from the beginning"
            bounds.append(Bound(1, str(lane), why))
        else:
            ends[lane] = min(last.seq, snapshot.lane_head or last.seq)
            why = f"its newest snapshot stands at {snapshot.seq:,}"
            bounds.append(Bound(snapshot.seq + 1, str(lane), why))
    return ends, bounds


async def _newest_usable(
    store: JetStreamSnapshots, tape: JetStreamTape, certificate: Entry, lane_end: int
) -> Snapshot | None:
    """Return the snapshot that the actor's next start would take over."""
    _, state = certificate.open()
    if not isinstance(state, State):
        return None
    for snapshot in await store.newest(certificate.lane):
        if (snapshot.tape_id, snapshot.release) != (tape.id, release_of(state)):
            continue
        if snapshot.lane_head > lane_end:
            continue
        head = await tape.get(snapshot.lane_head)
        if head is None or digest_of(head.payload) == snapshot.lane_head_digest:
            return snapshot
    return None


def _quiet_log() -> FilteringBoundLogger:
    """Return a log that keeps its warnings: which snapshot is not usable is said in a sentence."""
    wrapper = structlog.make_filtering_bound_logger(logging.CRITICAL)
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.ReturnLogger(), processors=[], wrapper_class=wrapper
    )
    return log


async def _ledger_cursor(servers: Servers, tape_id: str, book: str) -> int:
    # SQLAlchemy takes half a second, which other commands must not wait for.
    from services.ledger.adapters.engine import database  # noqa: PLC0415
    from services.ledger.queries import stored_up_to  # noqa: PLC0415

    async with database(servers.postgres_url, 5.0) as engine:
        return await stored_up_to(engine, tape_id, book)


def _print(plan: _Plan, *, dry_run: bool) -> None:
    binding = [bound for bound in plan.bounds if bound.seq < plan.asked]
    for bound in binding:
        print(f"{bound.who} needs the tape from {bound.seq:,} on: {bound.why}")
    if plan.before < plan.asked:
        print(f"asked for {plan.asked:,}, possible is {plan.before:,}")
    if plan.before <= max(plan.trimmed_before, 1) or not plan.cuts:
        print("there is nothing to trim")
    elif dry_run:
        print(f"would remove what lies before {plan.before:,}, except commands, birth certificates")
        print("and the last message of every lane; nothing was changed")
    else:
        print(f"removed {plan.removed:,} messages before {plan.before:,}")
        print("a changed strategy or release can no longer be built from the whole tape: keep an")
        print("archive of it (`tapedeck tape export`)")
