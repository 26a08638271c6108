"""The bytes of an archive: frames, their checksums, and the columns of a chunk.

    file   = MAGIC version(u16) frame* trailer
    frame  = head(36) own(16) chain(16) body
    own    = blake2b-128 of head and body; chain = blake2b-128 of the chain before and `own`
    trailer = offset of the END frame(u64) END_MARK

Frame 0 is the header (JSON, for the curious), then come the chunks, the last one is the index.
`own` finds what was changed in a frame, `chain` finds frames that were lost, repeated or moved.
A chunk holds columns, not rows: a whole column is decoded, and looks alike, at once.
"""

import sys
from collections.abc import Sequence
from enum import IntEnum
from hashlib import blake2b
from itertools import accumulate
from operator import sub
from struct import Struct as Layout
from typing import NamedTuple

import msgspec
from msgspec import Struct

from shared.domain.errors import DataError
from shared.tape.entry import Entry

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x89TAPEDECK\r\n\x1a\n"  # as PNG does it: a transfer as text damages it visibly
FORMAT = 1
VERSION = Layout("<H")
TRAILER = Layout("<Q8s")
END_MARK = b"TDEND\r\n\x1a"
FRAME_MARK = b"TDfr"
CHUNK_ENTRIES = 2_000
CHUNK_BYTES = 4 * 1024 * 1024  # payloads in one chunk, so that memory is bounded
RAW_BYTES_MAX = 64 * 1024 * 1024  # no honest frame is larger: a forged size must not fill memory
LEVEL = 3
DIGEST_BYTES = 16
GENESIS = bytes(DIGEST_BYTES)
_HEAD = Layout("<4sIIQQII")  # mark, kind, number, first seq, last seq, body bytes, raw bytes
_DIGESTS = Layout(f"<{DIGEST_BYTES}s{DIGEST_BYTES}s")
HEAD_BYTES = _HEAD.size + _DIGESTS.size


class ArchiveError(DataError):
    """A file is not an archive, is damaged, or cannot be read or written."""


class Kind(IntEnum):
    """What a frame holds."""

    HEADER = 1
    CHUNK = 2
    END = 3


class ArchiveHeader(Struct, frozen=True, kw_only=True):
    """What an archive says about itself before its first message.

    `first_seq` and `last_seq` bound what was asked for; `tape_last_seq` is where the tape ended.
    `trimmed_before` and `kept_days` are the tape's own marks (see `interface.Bounds`).
    """

    tape_id: str
    first_seq: int
    last_seq: int
    tape_last_seq: int
    made_ns: int
    release: str
    schema_version: int
    trimmed_before: int = 1
    kept_days: float = 0.0


class ChunkPlace(Struct, frozen=True, array_like=True):
    """Where a chunk stands, and what is in it; times are when the tape recorded."""

    offset: int
    first_seq: int
    last_seq: int
    messages: int
    first_ns: int
    last_ns: int


class LaneSummary(Struct, array_like=True):
    """How much one lane says in an archive."""

    messages: int
    first_seq: int
    last_seq: int


class ArchiveEnd(Struct, frozen=True, kw_only=True):
    """The index, and what an archive says about itself after its last message.

    `of_desk` numbers the chunks that hold certificates or commands; None in an older archive.
    """

    messages: int
    payload_bytes: int
    chunks: list[ChunkPlace]
    lanes: dict[str, LaneSummary]
    of_desk: list[int] | None = None


class FrameHead(NamedTuple):
    """A frame without its body."""

    kind: int
    number: int
    first_seq: int
    last_seq: int
    body_bytes: int
    raw_bytes: int
    own: bytes
    chain: bytes
    packed: bytes


class _Columns(Struct, array_like=True):
    """The messages of a chunk. Sequences and times are differences to the one before."""

    seqs: list[int]
    recorded_ns: list[int]
    names: list[str]
    subjects: list[int]
    payloads: list[bytes]
    causes: list[int]
    indexes: list[int]
    counts: list[int]
    traces: list[str]
    fenced: list[bool]


_decode_columns = msgspec.msgpack.Decoder(_Columns).decode
_encode = msgspec.msgpack.Encoder().encode


def seal(
    kind: Kind, number: int, seqs: tuple[int, int], body: bytes, raw_bytes: int, before: bytes
) -> tuple[bytes, bytes]:
    """Return a frame's bytes and its chain digest, given the one before."""
    packed = _HEAD.pack(FRAME_MARK, kind, number, *seqs, len(body), raw_bytes)
    own = digest(packed, body)
    chain = digest(before, own)
    return packed + _DIGESTS.pack(own, chain) + body, chain


def read_head(data: bytes) -> FrameHead | None:
    """Return a frame's head, None when these bytes are none."""
    if len(data) < HEAD_BYTES or not data.startswith(FRAME_MARK):
        return None
    packed = data[: _HEAD.size]
    _, kind, number, first, last, body_bytes, raw_bytes = _HEAD.unpack(packed)
    if max(body_bytes, raw_bytes) > RAW_BYTES_MAX or not Kind.HEADER <= kind <= Kind.END:
        return None
    own, chain = _DIGESTS.unpack_from(data, _HEAD.size)
    return FrameHead(kind, number, first, last, body_bytes, raw_bytes, own, chain, packed)


def digest(*parts: bytes) -> bytes:
    """Return the checksum of bytes that follow each other."""
    made = blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        made.update(part)
    return made.digest()


def pack(entries: Sequence[Entry]) -> tuple[bytes, int]:
    """Return a chunk's body, compressed, and its size before that."""
    seqs = [entry.seq for entry in entries]
    times = [entry.recorded_ns for entry in entries]
    names: dict[str, int] = {}
    subjects = [names.setdefault(entry.subject, len(names)) for entry in entries]
    columns = _Columns(
        seqs=_differences(seqs),
        recorded_ns=_differences(times),
        names=list(names),
        subjects=subjects,
        payloads=[entry.payload for entry in entries],
        causes=[entry.cause for entry in entries],
        indexes=[entry.index for entry in entries],
        counts=[entry.count for entry in entries],
        traces=[entry.trace for entry in entries],
        fenced=[entry.fenced for entry in entries],
    )
    raw = _encode(columns)
    return zstd.compress(raw, LEVEL), len(raw)


def unpack(body: bytes, raw_bytes: int) -> list[Entry]:
    """Return the messages of a chunk; ArchiveError when the body is not one."""
    try:
        columns = _decode_columns(inflate(body, raw_bytes))
        names = columns.names
        subjects = [names[place] for place in columns.subjects]
    except (msgspec.MsgspecError, IndexError) as error:
        raise ArchiveError(f"does not decode: {error}") from None
    parts = (
        list(accumulate(columns.seqs)),
        subjects,
        columns.payloads,
        list(accumulate(columns.recorded_ns)),
        columns.causes,
        columns.indexes,
        columns.counts,
        columns.traces,
        columns.fenced,
    )
    if len({len(part) for part in parts}) != 1:
        raise ArchiveError("does not decode: its columns differ in length")
    return list(map(Entry, *parts))


def pack_index(end: ArchiveEnd) -> tuple[bytes, int]:
    """Return the index's body, compressed, and its size before that."""
    raw = _encode(end)
    return zstd.compress(raw, LEVEL), len(raw)


def unpack_index(body: bytes, raw_bytes: int) -> ArchiveEnd:
    """Return the index; ArchiveError when the body is none."""
    try:
        return msgspec.msgpack.decode(inflate(body, raw_bytes), type=ArchiveEnd)
    except msgspec.MsgspecError as error:
        raise ArchiveError(f"does not decode: {error}") from None


def inflate(body: bytes, raw_bytes: int) -> bytes:
    """Decompress to exactly `raw_bytes`, never more."""
    try:
        stream = zstd.ZstdDecompressor()
        raw = stream.decompress(body, max_length=raw_bytes)
    except (zstd.ZstdError, EOFError) as error:
        raise ArchiveError(f"does not decompress: {error}") from None
    if len(raw) != raw_bytes:
        raise ArchiveError(f"does not decompress: {len(raw)} bytes instead of {raw_bytes}")
    return raw


def is_of_desk(subject: str) -> bool:
    """Tell whether a certificate or a command stands there: what a replay must know ahead."""
    return subject.startswith("control.") or subject.endswith(".state")


def _differences(values: Sequence[int]) -> list[int]:
    return [*values[:1], *map(sub, values[1:], values)]
