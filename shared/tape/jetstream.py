"""The tape on NATS JetStream: one stream, file storage, nothing evicted but market data.

Speaks the JetStream API directly over requests: a fence, an atomic batch and a reading through
the leader are headers and API calls that the client library's helpers do not offer as one.
"""

import asyncio
import secrets
from base64 import b64decode
from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Self

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError

from shared.domain.errors import TapedeckError, UnavailableError
from shared.domain.values import NS_PER_S
from shared.subjects import LANES, Lane
from shared.tape.credible import Mechanics, mechanics
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import (
    BATCH_MAX,
    HEADER_BYTES_MAX,
    PAYLOAD_BYTES_MAX,
    Bounds,
    FenceLostError,
    NoVerdictError,
    PayloadTooLargeError,
    Reader,
    TapeFullError,
)
from shared.tape.marks import RECORDED, Marks, marks_of
from shared.tape.pull import PullReader

STREAM = "TAPE"
TAPE_ID_KEY = "tapedeck-tape-id"
REQUEST_TIMEOUT_S = 5.0
DUPLICATE_WINDOW_NS = 120_000_000_000
_OUT_OF_DATE = (10_070, 10_071, 10_164)  # wrong last message id, wrong last sequence (twice)
_NO_MESSAGE = 10_037  # and no other 404: a stream that is being restored is one, too
_FULL = (10_023, 10_047, 10_077)  # insufficient resources, storage exceeded, store failed
_FENCE = "Nats-Expected-Last-Subject-Sequence"
_FENCE_COVERS = "Nats-Expected-Last-Subject-Sequence-Subject"


class _ApiError(Struct):
    code: int
    err_code: int = 0
    description: str = ""


class _PubAck(Struct):
    seq: int = 0
    duplicate: bool = False
    error: _ApiError | None = None


class _Stored(Struct):
    subject: str
    seq: int
    time: str
    data: str = ""
    hdrs: str = ""


class _MsgGet(Struct):
    message: _Stored | None = None
    error: _ApiError | None = None


class _State(Struct):
    first_seq: int
    last_seq: int


class _Config(Struct):
    metadata: dict[str, str] = msgspec.field(default_factory=dict)


class _StreamInfo(Struct):
    state: _State | None = None
    config: _Config | None = None
    error: _ApiError | None = None


_decode_ack = msgspec.json.Decoder(_PubAck).decode
_decode_get = msgspec.json.Decoder(_MsgGet).decode
_decode_info = msgspec.json.Decoder(_StreamInfo).decode


async def init_tape(client: Client, tape_id: str | None = None) -> str:
    """Create the stream if there is none; return the id of the tape that then exists."""
    existing = _decode_info(await _api(client, f"$JS.API.STREAM.INFO.{STREAM}"))
    if existing.error is None and existing.config is not None:
        found = existing.config.metadata.get(TAPE_ID_KEY, "")
        _refuse_half_imported(existing.config.metadata)
        if tape_id is not None and tape_id != found:
            raise UnavailableError(
                f"the server holds tape {found or 'without an id'}, the configuration wants"
                f" {tape_id}: use another state folder or leave tape.id out"
            )
        return found
    made = tape_id or secrets.token_hex(8)
    await create_stream(client, {TAPE_ID_KEY: made})
    return made


async def create_stream(client: Client, metadata: dict[str, str], first_seq: int = 1) -> None:
    """Make the stream, empty; what it holds then begins at `first_seq`."""
    config = {
        "name": STREAM,
        "subjects": list(LANES),
        "storage": "file",
        "retention": "limits",
        # Nothing may evict a lane's last message: it is the lane's fence.
        "discard": "new",
        "max_age": 0,
        "max_bytes": -1,
        "max_msgs": -1,
        "allow_direct": True,
        "allow_msg_ttl": True,
        "allow_atomic": True,
        "deny_delete": True,
        "num_replicas": 1,
        "duplicate_window": DUPLICATE_WINDOW_NS,
        "metadata": metadata,
        "first_seq": first_seq,
    }
    answer = await _api(client, f"$JS.API.STREAM.CREATE.{STREAM}", msgspec.json.encode(config))
    error = _decode_info(answer).error
    if error is not None:
        raise UnavailableError(f"the tape cannot be made: {error.description}")


class JetStreamTape:
    """The tape of one server. Make it with `open`; close the client yourself."""

    def __init__(self, client: Client, tape_id: str, marks: Marks | None = None) -> None:
        self.id = tape_id
        self._client = client
        self._marks = marks or Marks()
        self._batches = count()

    @classmethod
    async def open(cls, client: Client) -> Self:
        """Find the tape on the server; UnavailableError when there is none."""
        info = _decode_info(await _api(client, f"$JS.API.STREAM.INFO.{STREAM}"))
        if info.error is not None or info.config is None:
            reason = info.error.description if info.error else "no configuration"
            raise UnavailableError(
                f"there is no tape on this server ({reason}): run `tapedeck init` first"
            )
        tape_id = info.config.metadata.get(TAPE_ID_KEY)
        _refuse_half_imported(info.config.metadata)
        if not tape_id:
            raise UnavailableError(
                f"stream {STREAM} was not made by Tapedeck: it carries no tape id"
            )
        return cls(client, tape_id, marks_of(info.config.metadata))

    async def bounds(self) -> Bounds:
        """Return the first and the last sequence."""
        info = _decode_info(await _api(self._client, f"$JS.API.STREAM.INFO.{STREAM}"))
        if info.state is None or info.config is None:
            raise UnavailableError("the tape is gone from the server")
        marks = marks_of(info.config.metadata)
        first_seq, last_seq = max(info.state.first_seq, 1), info.state.last_seq
        return Bounds(first_seq, last_seq, marks.trimmed_before, marks.kept_days_shortest)

    async def get(self, seq: int) -> Entry | None:
        """Return the entry at a sequence, None when there is none."""
        return await self._fetch({"seq": seq}) if seq > 0 else None

    async def last(self, pattern: str) -> Entry | None:
        """Return the last entry that a filter covers, read through the leader."""
        return await self._fetch({"last_by_subj": pattern})

    async def _fetch(self, query: dict[str, object]) -> Entry | None:
        # STREAM.MSG.GET and never direct get: replicas lag, and a fence rests on this answer.
        answer = _decode_get(
            await _api(self._client, f"$JS.API.STREAM.MSG.GET.{STREAM}", msgspec.json.encode(query))
        )
        if answer.message is not None:
            return _stored_entry(answer.message, self._marks.imported_to)
        if answer.error is not None and answer.error.err_code == _NO_MESSAGE:
            return None
        raise UnavailableError(f"the tape cannot be read: {answer.error}")

    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        """Append if the lane ends at `fence`."""
        headers = _mechanics(out)
        headers[_FENCE] = str(fence)
        headers[_FENCE_COVERS] = lane.fence
        return await self._publish(out, headers, lane, fence)

    async def append_batch(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        """Append all or none, adjacent."""
        if not 1 <= len(outs) <= BATCH_MAX:
            raise ValueError(f"a batch holds 1 to {BATCH_MAX} messages, was {len(outs)}")
        for out in outs:
            self._refuse_too_large(out)
        self._refuse_away()
        batch = f"{id(self):x}-{next(self._batches)}-{secrets.token_hex(4)}"
        for place, out in enumerate(outs, start=1):
            headers = _mechanics(out) | self._marks.expiry(out)
            headers["Nats-Batch-Id"] = batch
            headers["Nats-Batch-Sequence"] = str(place)
            if place == 1:
                headers[_FENCE] = str(fence)
                headers[_FENCE_COVERS] = lane.fence
            if place == len(outs):
                headers["Nats-Batch-Commit"] = "1"
                return await self._publish(out, headers, lane, fence)
            try:
                await self._client.publish(out.subject, out.payload, headers=headers)
            except NatsError as error:
                raise NoVerdictError(f"batch on {lane}: {error}") from error
        raise AssertionError("unreachable: the last message of a batch returns")

    async def append_run(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        """Append adjacent messages in one round trip (5 messages 0.4 ms, an atomic batch 3).

        The first carries the fence. Each of the others expects that the stream's last message
        is the one before it, by a message id that nobody else can have: with sequence numbers
        that were only predicted a message could land behind a stranger's.
        """
        if not 1 <= len(outs) <= BATCH_MAX:
            raise ValueError(f"a run holds 1 to {BATCH_MAX} messages, was {len(outs)}")
        run = secrets.token_hex(8)
        sent: list[asyncio.Task[int]] = []
        try:
            async with asyncio.TaskGroup() as group:
                for place, out in enumerate(outs):
                    headers = _mechanics(out)
                    headers["Nats-Msg-Id"] = f"{run}-{place}"
                    if place:
                        headers["Nats-Expected-Last-Msg-Id"] = f"{run}-{place - 1}"
                    else:
                        headers[_FENCE] = str(fence)
                        headers[_FENCE_COVERS] = lane.fence
                    # Tasks start in order, hence so do the messages.
                    sent.append(group.create_task(self._publish(out, headers, lane, fence)))
        except* TapedeckError as group_error:
            raise group_error.exceptions[0] from None
        return sent[-1].result()

    async def tell(self, out: Outgoing, *, once_id: str) -> int:
        """Append without a fence, once per `once_id`."""
        ack = await self._send(out, {"Nats-Msg-Id": once_id}, None, 0)
        if not ack.duplicate:
            return ack.seq
        there = await self.get(ack.seq)
        if there is None or there.subject == out.subject:
            return ack.seq
        # Somebody else took the id, on a lane of his own: he must not silence this speaker.
        return await self._publish(out, {}, None, 0)

    async def _publish(
        self, out: Outgoing, headers: dict[str, str], lane: Lane | None, fence: int
    ) -> int:
        self._refuse_away()
        return (await self._send(out, headers, lane, fence)).seq

    def _refuse_too_large(self, out: Outgoing) -> None:
        limit = min(PAYLOAD_BYTES_MAX, self._client.max_payload - HEADER_BYTES_MAX)
        if len(out.payload) > limit:
            raise PayloadTooLargeError(out.subject, len(out.payload), limit)

    def _refuse_away(self) -> None:
        """Send nothing that the client would keep until the server is back: it would leave then,
        whatever has happened meanwhile (a kill, for one).
        """
        if not self._client.is_connected:
            raise UnavailableError("NATS is away")

    async def _send(
        self, out: Outgoing, headers: dict[str, str], lane: Lane | None, fence: int
    ) -> _PubAck:
        self._refuse_too_large(out)
        headers |= self._marks.expiry(out)
        try:
            reply = await self._client.request(
                out.subject, out.payload, timeout=REQUEST_TIMEOUT_S, headers=headers
            )
        except NatsError as error:
            raise NoVerdictError(f"publish on {out.subject}: {_text(error)}") from error
        ack = _decode_ack(reply.data)
        if ack.error is None:
            return ack
        if ack.error.err_code in _OUT_OF_DATE and lane is not None:
            raise FenceLostError(lane, fence, -1)
        if ack.error.err_code in _FULL:
            raise TapeFullError(
                f"the tape cannot take more: {ack.error.description}; free disk space and start"
                " again, nothing recorded is lost"
            )
        raise NoVerdictError(f"publish on {out.subject}: {ack.error.description}")

    def reader(self, patterns: Sequence[str], start_seq: int) -> Reader:
        """Return a reader of the entries that any of the filters covers."""
        imported_to = self._marks.imported_to
        return PullReader(self._client, STREAM, patterns, start_seq, imported_to=imported_to)


async def _api(client: Client, subject: str, payload: bytes = b"") -> bytes:
    try:
        return (await client.request(subject, payload, timeout=REQUEST_TIMEOUT_S)).data
    except NoRespondersError as error:
        raise UnavailableError("JetStream does not answer on this server") from error
    except NatsError as error:
        raise UnavailableError(f"NATS does not answer: {_text(error)}") from error


def _refuse_half_imported(metadata: dict[str, str]) -> None:
    importing = marks_of(metadata).importing
    if importing:
        raise UnavailableError(
            f"the import of tape {importing} was not finished: run the same `tapedeck tape import`"
            " again, it goes on where it ended"
        )


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


def _mechanics(out: Outgoing) -> dict[str, str]:
    headers = {
        "Tape-Cause": str(out.cause),
        "Tape-Index": str(out.index),
        "Tape-Count": str(out.count),
    }
    if out.trace:
        headers["traceparent"] = out.trace
    return headers


def _recorded_ns(stamp: str) -> int:
    """Return 2026-11-21T03:34:58.368053876Z to its last digit, as readers have it."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{whole}+00:00").timestamp())
    return seconds * NS_PER_S + int(fraction.ljust(9, "0"))


def _stored_entry(stored: _Stored, imported_to: int) -> Entry:
    headers: dict[str, str] = {}
    for line in b64decode(stored.hdrs).decode(errors="replace").split("\r\n")[1:]:
        key, found, value = line.partition(":")
        if found:
            headers[key] = value.strip()
    # Whatever a lane ends with is its end, credible or not.
    told = mechanics(headers) or Mechanics(cause=0, index=0, count=1, trace="", fenced=False)
    recorded_ns = _recorded_ns(stored.time)
    if stored.seq <= imported_to:
        recorded_ns = int(headers.get(RECORDED, recorded_ns))
    return Entry(
        seq=stored.seq,
        subject=stored.subject,
        payload=b64decode(stored.data),
        recorded_ns=recorded_ns,
        cause=told.cause,
        index=told.index,
        count=told.count,
        trace=told.trace,
        fenced=told.fenced,
    )
