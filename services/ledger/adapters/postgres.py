"""The sink: every message of the tape and what the core derived from it, into PostgreSQL.

Messages wait in memory until their transaction is committed, and are committed in batches by a
task beside the actor. While PostgreSQL is away the queue fills, `handled` waits and with it the
tape's reader: nothing is lost.

Of two ledgers one stores. The other drops what the first has stored, by the database's cursor,
and stores itself when the cursor stands still for too long; the cursor is the fence.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import islice

from services.ledger.adapters.records import Batch, Taken, make_batch
from services.ledger.adapters.writer import CursorMovedError, Writer
from services.ledger.config import WriterSettings
from services.ledger.rows import Row
from shared.core import Stamp
from shared.domain.errors import UnavailableError
from shared.messages.base import Message
from shared.runtime.clock import monotonic_s
from shared.runtime.standby import Role

_LOOK_S = 0.005  # how often a batch that fills is looked at
_FOLLOW_S = 0.05  # how often a standby looks where the cursor stands


class PostgresSink:
    """Implements `shared.runtime.actor.Sink`.

    `take_rows` is `LedgerCore.take_rows`. Call `open` before anything else; run `run` beside the
    actor. `run`, `flush` and `handled` may be cancelled at any moment without loss.
    `standby_after_s` is how long another ledger's cursor may stand still; 0 for who is alone.
    """

    def __init__(
        self,
        writer: Writer,
        settings: WriterSettings,
        take_rows: Callable[[int], list[Row]],
        standby_after_s: float = 0.0,
    ) -> None:
        self._writer = writer
        self._settings = settings
        self._take_rows = take_rows
        self._seq = 0
        self._hash = b""
        self._taken: deque[Taken] = deque()
        self._batch: tuple[int, Batch] | None = None
        self._arrived = asyncio.Event()
        self._writing = asyncio.Lock()
        self._is_running = False
        self._role = Role(standby_after_s)

    async def open(self, tape_end: Callable[[], Awaitable[int]]) -> None:
        """Connect, and take up where the database ends; errors as of `Writer.open`."""
        self._seq, self._hash = await self._writer.open(tape_end)

    @property
    def leads(self) -> bool:
        """True while it is this ledger that stores."""
        return self._role.leads

    async def position(self) -> int:
        """Return the sequence up to which everything is stored."""
        return self._seq

    async def handled(self, stamp: Stamp, message: Message, payload: bytes, /) -> None:
        """Take one message of the tape, in order; wait while the queue is full."""
        rows = self._take_rows(stamp.seq)
        while stamp.seq > self._seq and len(self._taken) >= self._settings.queue_events_max:
            await self._step()
        if stamp.seq <= self._seq:
            return  # stored before, or by the other ledger while the queue was full
        self._taken.append(Taken(stamp, message, payload, rows, monotonic_s()))
        self._arrived.set()

    async def flush(self) -> None:
        """Store everything taken so far; UnavailableError when PostgreSQL does not answer.

        A standby has nothing to store: whoever leads does, or the next start.
        """
        try:
            async with asyncio.timeout(self._settings.flush_timeout_s):
                while self._taken and self._is_ours:
                    await self._store_next()
        except TimeoutError:
            raise UnavailableError(
                f"PostgreSQL at {self._writer.where} did not take {len(self._taken)} events in"
                f" {self._settings.flush_timeout_s:g} s; they are on the tape and will be"
                " stored after the next start"
            ) from None
        if not self._is_running:
            await self._writer.close()

    async def run(self) -> None:
        """Commit in the background until cancelled."""
        self._is_running = True
        try:
            while True:
                await self._arrived.wait()
                if self._is_ours:
                    await self._gather()
                await self._step()
        finally:
            self._is_running = False

    @property
    def _is_ours(self) -> bool:
        """True when this ledger may store without looking at the cursor first."""
        return self._role.leads or self._role.is_alone

    async def _step(self) -> None:
        """Store the oldest batch, or see how far the ledger that leads is."""
        if self._is_ours:
            await self._store_next()
            return
        async with self._writing:
            await self._follow()
        now_s = asyncio.get_running_loop().time()
        if self._taken and self._role.may_speak(now_s, is_behind=False):
            await self._store_next()
        else:
            await asyncio.sleep(_FOLLOW_S)

    async def _follow(self) -> None:
        seq, digest = await self._writer.cursor()
        if seq > self._seq:
            self._skip_to(seq, digest)
            self._role.heard()

    def _skip_to(self, seq: int, digest: bytes) -> None:
        """Drop what another ledger has stored."""
        self._seq, self._hash, self._batch = seq, digest, None
        while self._taken and self._taken[0].stamp.seq <= seq:
            self._taken.popleft()
        if not self._taken:
            self._arrived.clear()

    async def _gather(self) -> None:
        """Give a batch time to fill, counted from its first event."""
        while 0 < len(self._taken) < self._settings.batch_events_max:
            due_s = self._taken[0].taken_s + self._settings.flush_ms / 1e3
            left_s = due_s - monotonic_s()
            if left_s <= 0:
                return
            await asyncio.sleep(min(left_s, _LOOK_S))

    async def _store_next(self) -> None:
        """Store the oldest batch, however long that takes, unless another ledger has."""
        async with self._writing:
            if self._batch is None and self._taken:
                self._batch = self._next_batch()
            if self._batch is not None:
                count, batch = self._batch
                await self._wait_for_disk(self._taken[count - 1].taken_s)
                try:
                    await self._writer.store(batch)
                except CursorMovedError:
                    self._role.lose()
                    await self._follow()
                    return
                self._role.win()
                self._seq, self._hash = batch.seq, batch.hash
                self._batch = None
                for _ in range(count):
                    self._taken.popleft()
            if not self._taken:
                self._arrived.clear()

    def _next_batch(self) -> tuple[int, Batch]:
        """Cut the next batch. It stays what it is until stored: that makes a doubt decidable."""
        taken = list(islice(self._taken, self._settings.batch_events_max))
        return len(taken), make_batch(taken, self._seq, self._hash)

    async def _wait_for_disk(self, taken_s: float) -> None:
        """Wait until the tape's server must have the batch on its disk, too."""
        left_s = taken_s + self._settings.trail_ms / 1e3 - monotonic_s()
        if left_s > 0:
            await asyncio.sleep(left_s)
