"""The tape in memory: the same promises as on JetStream, for backtests and tests.

`put` is the synchronous heart; the rest is the interface that it shares with `jetstream`.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Self

from shared.subjects import Lane, lane_of, matches
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import (
    BATCH_MAX,
    PAYLOAD_BYTES_MAX,
    Bounds,
    FenceLostError,
    PayloadTooLargeError,
    Reader,
)


class MemoryTape:
    """One sequence of messages in a list.

    `recorded_ns` gives the time at which an entry is taken; by default the sequence itself, so
    that nothing in memory reads a clock.
    """

    def __init__(self, tape_id: str, recorded_ns: Callable[[int], int] = lambda seq: seq) -> None:
        self.id = tape_id
        self._recorded_ns = recorded_ns
        self._entries: list[Entry] = []
        self._lane_ends: dict[Lane, int] = {}
        self._told: dict[str, int] = {}
        self._grown = asyncio.Event()

    @property
    def last_seq(self) -> int:
        """The sequence of the newest entry, 0 when there is none."""
        return len(self._entries)

    def entry(self, seq: int) -> Entry:
        """Return the entry at a sequence that exists."""
        return self._entries[seq - 1]

    def lane_end(self, lane: Lane) -> int:
        """Return the last sequence of a lane, 0 when it is empty."""
        return self._lane_ends.get(lane, 0)

    def put(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        """Append if the lane ends at `fence`; FenceLostError otherwise."""
        end = self._lane_ends.get(lane, 0)
        if end != fence:
            raise FenceLostError(lane, fence, end)
        return self._take(out, fenced=True)

    def _take(self, out: Outgoing, *, fenced: bool) -> int:
        if len(out.payload) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLargeError(out.subject, len(out.payload))
        seq = len(self._entries) + 1
        self._entries.append(
            Entry(
                seq=seq,
                subject=out.subject,
                payload=out.payload,
                recorded_ns=self._recorded_ns(seq),
                cause=out.cause,
                index=out.index,
                count=out.count,
                trace=out.trace,
                fenced=fenced,
            )
        )
        self._lane_ends[lane_of(out.subject)] = seq
        self._grown.set()
        return seq

    async def bounds(self) -> Bounds:
        """Return the first and the last sequence."""
        return Bounds(1, len(self._entries))

    async def get(self, seq: int) -> Entry | None:
        """Return the entry at a sequence, None when there is none."""
        return self._entries[seq - 1] if 1 <= seq <= len(self._entries) else None

    async def last(self, pattern: str) -> Entry | None:
        """Return the last entry that a filter covers."""
        for entry in reversed(self._entries):
            if matches(pattern, entry.subject):
                return entry
        return None

    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        """Append if the lane ends at `fence`; FenceLostError otherwise."""
        return self.put(out, lane=lane, fence=fence)

    async def append_batch(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        """Append all or none, adjacent."""
        if not 1 <= len(outs) <= BATCH_MAX:
            raise ValueError(f"a batch holds 1 to {BATCH_MAX} messages, was {len(outs)}")
        for out in outs:
            if len(out.payload) > PAYLOAD_BYTES_MAX:
                raise PayloadTooLargeError(out.subject, len(out.payload))
        end = fence
        for out in outs:
            end = self.put(out, lane=lane, fence=end)
        return end

    async def append_run(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        """Append one after another; in memory nobody can come in between."""
        for out in outs:
            fence = self.put(out, lane=lane, fence=fence)
        return fence

    async def tell(self, out: Outgoing, *, once_id: str) -> int:
        """Append without a fence, once per `once_id`."""
        if once_id not in self._told:
            self._told[once_id] = self._take(out, fenced=False)
        return self._told[once_id]

    def reader(self, patterns: Sequence[str], start_seq: int) -> Reader:
        """Return a reader of the entries that any of the filters covers."""
        return _MemoryReader(self, patterns, start_seq)

    async def grown_past(self, seq: int, timeout_s: float) -> bool:
        """Wait until the tape is longer than `seq`, or `wake`; False when it was not in time."""
        if len(self._entries) > seq:
            return True
        self._grown.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._grown.wait()
        except TimeoutError:
            return False
        return True

    def wake(self) -> None:
        """Let whoever waits for more look again."""
        self._grown.set()


class _MemoryReader:
    """Reads the list; remembers which subjects its filters cover."""

    recreations = 0

    def __init__(self, tape: MemoryTape, patterns: Sequence[str], start_seq: int) -> None:
        self._tape = tape
        self._patterns = tuple(patterns)
        self._seen = max(start_seq, 1) - 1
        self._covers: dict[str, bool] = {}
        self._interrupted = False

    @property
    def is_idle(self) -> bool:
        return self._seen >= self._tape.last_seq

    def interrupt(self) -> None:
        self._interrupted = True
        self._tape.wake()

    async def next(self, timeout_s: float) -> Entry | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not self._interrupted:
            while self._seen < self._tape.last_seq:
                self._seen += 1
                entry = self._tape.entry(self._seen)
                if self._wants(entry.subject):
                    return entry
            if not await self._tape.grown_past(self._seen, deadline - loop.time()):
                return None
        return None

    def _wants(self, subject: str) -> bool:
        wanted = self._covers.get(subject)
        if wanted is None:
            wanted = any(matches(pattern, subject) for pattern in self._patterns)
            self._covers[subject] = wanted
        return wanted

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None
