"""From messages and rows to database records; pure, so that it can be tested without a server.

The chain: the hash of an event covers the hash before it, its place, when and on which subject
it was recorded, and its payload. Change, remove or insert one event and every later hash is
wrong. docs/audit-trail.md has the query that checks it, `link` is the definition.
"""

from collections.abc import Sequence
from hashlib import sha256

import msgspec
from msgspec import Struct, field
from msgspec.structs import astuple

from services.ledger.adapters.statements import KEY_WIDTH, UPSERT
from services.ledger.rows import (
    ClosedDayRow,
    DecisionRow,
    EntryRow,
    EquityRow,
    FillRow,
    LineRow,
    MismatchRow,
    OrderRow,
    PositionRow,
    Row,
)
from shared.core import Stamp
from shared.messages.base import Message
from shared.subjects import subject_of

type Record = tuple[object, ...]

TABLES: dict[type[Row], str] = {
    OrderRow: "orders",
    FillRow: "fills",
    PositionRow: "positions",
    EquityRow: "equity",
    EntryRow: "journal_entries",
    LineRow: "journal_lines",
    DecisionRow: "decisions",
    ClosedDayRow: "closed_days",
    MismatchRow: "mismatches",
}


class Taken(Struct, frozen=True):
    """One message as the sink took it, `taken_s` seconds after some fixed moment."""

    stamp: Stamp
    message: Message
    payload: bytes
    rows: Sequence[Row]
    taken_s: float


class Batch(Struct):
    """What one transaction stores, and the step of the cursor that it takes.

    `copies` are new records by table, `upserts` the last state by table and key: of several
    states of one order within a batch only the last is written.
    """

    old_seq: int
    seq: int
    hash: bytes
    events: list[Record] = field(default_factory=list)
    copies: dict[str, list[Record]] = field(default_factory=dict)
    upserts: dict[str, dict[Record, Record]] = field(default_factory=dict)


class _Cause(Struct):
    causation_id: str


_cause_of = msgspec.json.Decoder(_Cause).decode


def genesis(tape_id: str) -> bytes:
    """Return the hash before the first event: it ties the chain to its tape."""
    return sha256(tape_id.encode()).digest()


def link(previous: bytes, seq: int, recorded_ns: int, subject: str, payload: bytes) -> bytes:
    """Return the hash of one event, given the hash of the one stored before it."""
    place = seq.to_bytes(8) + recorded_ns.to_bytes(8)
    return sha256(b"%b%b%b\x00%b" % (previous, place, subject.encode(), payload)).digest()


def make_batch(taken: Sequence[Taken], seq: int, previous: bytes) -> Batch:
    """Return the batch that follows the event `seq` with the hash `previous`."""
    batch = Batch(seq, seq, previous)
    for item in taken:
        record = _event(item, batch.hash)
        batch.events.append(record)
        batch.seq = item.stamp.seq
        batch.hash = record[-1]
        for row in item.rows:
            _sort_in(batch, row)
    return batch


def _event(item: Taken, previous: bytes) -> tuple[*tuple[object, ...], bytes]:
    """Return the record of `tape_events` (columns as in `statements.COPY`)."""
    stamp, message, payload = item.stamp, item.message, item.payload
    subject = subject_of(stamp.lane, message)
    return (
        stamp.seq,
        subject,
        stamp.lane.service,
        stamp.lane.actor,
        message.__struct_config__.tag,
        getattr(message, "symbol", ""),
        stamp.id,
        _cause_of(payload).causation_id,
        stamp.correlation_id,
        stamp.ts_ns,
        stamp.recorded_ns,
        payload.decode(),
        link(previous, stamp.seq, stamp.recorded_ns, subject, payload),
    )


def _sort_in(batch: Batch, row: Row) -> None:
    table = TABLES[type(row)]
    record = astuple(row)
    if table in UPSERT:
        batch.upserts.setdefault(table, {})[record[: KEY_WIDTH[table]]] = record
    else:
        batch.copies.setdefault(table, []).append(record)
