"""Snapshots: how an actor starts without handling the whole tape again.

A snapshot at S holds the core's state after every input up to S, and is taken only when every
output for those inputs is on the tape. It is a hint, never a truth: one that is corrupt, foreign
or of another release is passed over, and the tape is handled from the beginning instead.
"""

import zlib
from hashlib import blake2b
from typing import Protocol

import msgspec
from msgspec import Struct

from shared.domain.errors import TapedeckError
from shared.messages.lane import State
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.sieve import MarketSieve
from shared.subjects import Lane
from shared.tape.interface import Tape

EVERY_MESSAGES = 50_000  # about one second of handling again
FORMAT = 2


class Snapshot(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One actor's state at one place of one tape.

    `lane_head` is the end of the actor's lane at that moment, `lane_head_digest` of the message
    that stands there; `release` the digest of code and configuration that made the state; `state`
    is compressed.
    """

    tape_id: str
    lane: str
    seq: int
    lane_head: int
    lane_head_digest: str
    release: str
    sieve: dict[str, int]
    state: bytes
    checksum: str = ""
    format: int = FORMAT

    def sealed(self) -> "Snapshot":
        """Return the snapshot with its checksum."""
        return msgspec.structs.replace(self, checksum=_checksum(self))

    @property
    def is_whole(self) -> bool:
        """True when nothing in it was changed or lost."""
        return self.checksum == _checksum(self)


def _checksum(snapshot: Snapshot) -> str:
    bare = msgspec.structs.replace(snapshot, checksum="")
    return blake2b(msgspec.msgpack.encode(bare), digest_size=16).hexdigest()


def release_of(certificate: State) -> str:
    """Return the digest of the code and configuration that a birth certificate names."""
    text = certificate.code_digest + certificate.configuration
    return blake2b(text.encode(), digest_size=16).hexdigest()


def digest_of(payload: bytes) -> str:
    """Return a short name of a message's content."""
    return blake2b(payload, digest_size=8).hexdigest()


def encode(snapshot: Snapshot) -> bytes:
    """Return the bytes to store."""
    return msgspec.msgpack.encode(snapshot.sealed())


def decode(data: bytes) -> Snapshot | None:
    """Return the snapshot, None when the bytes are not a whole one of this format."""
    try:
        snapshot = msgspec.msgpack.decode(data, type=Snapshot)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return snapshot if snapshot.format == FORMAT and snapshot.is_whole else None


class SnapshotStore(Protocol):
    """Where the newest snapshots of a lane are kept."""

    async def newest(self, lane: Lane) -> list[Snapshot]:
        """Return the usable ones, newest first; corrupt ones are left out."""
        ...

    def put_soon(self, snapshot: Snapshot) -> None:
        """Store in the background; a failure costs time at the next start and nothing else."""
        ...

    async def put(self, snapshot: Snapshot) -> None:
        """Store now."""
        ...


class NoSnapshots:
    """For runs that start from an empty tape and are thrown away."""

    async def newest(self, lane: Lane) -> list[Snapshot]:  # noqa: ARG002 - the interface
        """There are none."""
        return []

    def put_soon(self, snapshot: Snapshot) -> None:
        """Keep nothing."""

    async def put(self, snapshot: Snapshot) -> None:
        """Keep nothing."""


class Snapshotter:
    """Takes one actor's snapshots and finds the one to start from."""

    def __init__(self, store: SnapshotStore, tape_id: str, actor: Actor) -> None:
        self._store = store
        self._tape_id = tape_id
        self._actor = actor
        self._core = actor.core
        self._release = release_of(birth.certificate(actor, 0))
        self._last_seq = 0
        self._since = 0

    async def restore(self, tape: Tape, lane_end: int) -> Snapshot | None:
        """Put the newest usable snapshot into the core and return it."""
        for snapshot in await self._store.newest(self._core.lane):
            if await self._is_usable(snapshot, tape, lane_end):
                try:
                    self._core.restore(zlib.decompress(snapshot.state))
                except (ValueError, zlib.error, msgspec.MsgspecError):
                    continue  # made by a release that wrote states differently
                self._last_seq = snapshot.seq
                return snapshot
        return None

    async def _is_usable(self, snapshot: Snapshot, tape: Tape, lane_end: int) -> bool:
        if (snapshot.tape_id, snapshot.release) != (self._tape_id, self._release):
            return False
        if snapshot.lane != str(self._core.lane) or snapshot.lane_head > lane_end:
            return False
        sink = self._actor.sink
        if sink is not None and snapshot.seq > await sink.position():
            return False
        if snapshot.seq > (await tape.bounds()).last:
            return False
        if not snapshot.lane_head:
            return True
        # A tape restored from a copy may have grown past both numbers with other messages.
        head = await tape.get(snapshot.lane_head)
        return head is not None and digest_of(head.payload) == snapshot.lane_head_digest

    def offer(self, seq: int, lane_head: int, last_word: bytes, sieve: MarketSieve) -> None:
        """Take a snapshot when enough was handled since the last; every output is on the tape.

        `last_word` is the content of the message at `lane_head`.
        """
        self._since += 1
        if self._since >= EVERY_MESSAGES:
            snapshot = self._take(seq, lane_head, last_word, sieve)
            if snapshot is not None:
                self._store.put_soon(snapshot)

    async def keep(self, seq: int, lane_head: int, last_word: bytes, sieve: MarketSieve) -> None:
        """Take a snapshot now, at the end of a run."""
        if seq > self._last_seq:
            snapshot = self._take(seq, lane_head, last_word, sieve)
            if snapshot is not None:
                await self._store.put(snapshot)

    def _take(
        self, seq: int, lane_head: int, last_word: bytes, sieve: MarketSieve
    ) -> Snapshot | None:
        self._since = 0
        self._last_seq = seq
        try:
            state = self._core.snapshot()
        except TapedeckError:
            # A user's strategy may hold what cannot be written down: it is handled again instead.
            return None
        return Snapshot(
            tape_id=self._tape_id,
            lane=str(self._core.lane),
            seq=seq,
            lane_head=lane_head,
            lane_head_digest=digest_of(last_word),
            release=self._release,
            sieve=dict(sieve.newest_ns),  # it is stored later and the sieve goes on
            state=zlib.compress(state, 1),
        )
