"""What a run leaves behind, in a form that two runs can be compared by."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from console.embedded.nats import EmbeddedNats
from console.embedded.postgres import EmbeddedPostgres
from services.ledger.adapters.records import genesis, link
from services.ledger.schema import metadata
from shared.permissions import ADMIN
from shared.tape.entry import Entry
from shared.tape.jetstream import JetStreamTape
from tests.servers import NatsUnderTest
from tests.tapes import connected, content, whole

WALL = ("recorded_ns", "hash")  # when a message came; and what covers that
DIFFERENCES_MAX = 3
SHOWN_MAX = 700  # characters of a difference
type Rows = list[tuple[object, ...]]


class Evidence(NamedTuple):
    """The printed result, the tape, and every table; `faults` is what is wrong by itself."""

    result: Mapping[str, Any]
    tape: Rows
    tables: Mapping[str, Rows]
    faults: Sequence[str]


def gather(state: Path, result: Mapping[str, Any]) -> Evidence:
    """Start both servers of a state folder once more and read everything."""
    with EmbeddedNats(state) as nats, EmbeddedPostgres(state) as postgres:
        login = NatsUnderTest(nats.url, {ADMIN: nats.login(ADMIN)})
        return asyncio.run(_read(login, postgres.url, result))


def differences(one: Evidence, other: Evidence) -> list[str]:
    """Return in sentences how `other` differs from the undisturbed `one`."""
    found = list(other.faults)
    if one.result != other.result:
        found.append(f"the result was {json.dumps(other.result)}, not {json.dumps(one.result)}")
    found += _unequal("tape", one.tape, other.tape)
    for name, rows in one.tables.items():
        found += _unequal(f"table {name}", rows, other.tables[name])
    return found


def _unequal(what: str, ours: Rows, theirs: Rows) -> list[str]:
    found = []
    if len(ours) != len(theirs):
        found.append(f"{what} has {len(theirs)} rows, not {len(ours)}")
    for place, (one, other) in enumerate(zip(ours, theirs, strict=False)):
        if one != other:
            found.append(f"{what}, row {place}: was {_cut(other)}, not {_cut(one)}")
        if len(found) == DIFFERENCES_MAX:
            break
    return found


def _cut(row: tuple[object, ...]) -> str:
    return repr(row)[:SHOWN_MAX]


async def _read(login: NatsUnderTest, postgres_url: str, result: Mapping[str, Any]) -> Evidence:
    async with connected(login) as client:
        tape = await JetStreamTape.open(client)
        entries = await whole(tape)
    connection = await asyncpg.connect(postgres_url)
    try:
        tables = {name: await _rows(connection, name) for name in metadata.tables}
        faults = await _trail_faults(connection, tape.id, entries)
    finally:
        await connection.close()
    return Evidence(result, content(entries), tables, faults)


async def _rows(connection: asyncpg.Connection, name: str) -> Rows:
    table = metadata.tables[name]
    columns = [column.name for column in table.columns if column.name not in WALL]
    key = ", ".join(column.name for column in table.primary_key.columns)
    found = await connection.fetch(f"SELECT {', '.join(columns)} FROM {name} ORDER BY {key}")
    return [tuple(row) for row in found]


async def _trail_faults(
    connection: asyncpg.Connection, tape_id: str, entries: Sequence[Entry]
) -> list[str]:
    """Compare the audit trail with the tape, event by event, and follow its chain."""
    stored = await connection.fetch(
        "SELECT seq, subject, payload::text, recorded_ns, hash FROM tape_events ORDER BY seq"
    )
    faults = []
    if len(stored) != len(entries):
        faults.append(f"the audit trail has {len(stored)} events, the tape {len(entries)}")
    previous = genesis(tape_id)
    for row, entry in zip(stored, entries, strict=False):
        seq, subject, payload, recorded_ns, digest = row
        was = (seq, subject, payload.encode(), recorded_ns)
        if was != (entry.seq, entry.subject, entry.payload, entry.recorded_ns):
            faults.append(f"event {seq} of the audit trail is not message {entry.seq} of the tape")
        previous = link(previous, seq, recorded_ns, subject, payload.encode())
        if previous != digest:
            faults.append(f"the chain of the audit trail breaks at event {seq}")
            break
    unbalanced = await connection.fetch(
        "SELECT seq, entry FROM journal_lines GROUP BY book, seq, entry HAVING sum(amount) <> 0"
    )
    faults += [f"journal entry {row['seq']}/{row['entry']} is not zero" for row in unbalanced]
    return faults[:DIFFERENCES_MAX]
