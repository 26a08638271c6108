"""Does a tape hold what its rules say? One walk, bounded memory, one sentence a fault.

Sequences ascend without holes that nobody explained. Every message decodes. On each lane the
outputs of an input are complete and in order, and inputs are answered in order. What a message
names as its cause stands before it, and its id is the one that follows from that cause.
"""

from collections.abc import AsyncIterator, Callable

from msgspec import Struct

from shared.domain.ids import derive_id
from shared.messages.codec import Head, MessageError, decode
from shared.messages.lane import State
from shared.subjects import LANES, Lane, SubjectError, parse
from shared.tape.entry import Entry
from shared.tape.interface import Bounds, ReadableTape

RECENT_MAX = 100_000  # ids kept at hand; an older cause is read from the tape
PROBED_MAX = 16  # missing sequences of one hole that are looked at one by one
READ_S = 2.0
_SPEAKS_FREELY = ("data", "control", "analysis")


class Fault(Struct, frozen=True):
    """What is wrong at one place; `subject` is "" where nothing stands."""

    seq: int
    subject: str
    text: str


class _LaneState(Struct):
    """The last message of a lane that answers something, as far as the next one depends on it."""

    cause: int = 0
    index: int = 0
    count: int = 1
    is_open: bool = True  # nothing is known yet: the next one may begin anywhere


class TapeCheck:
    """Walks one tape up to where it ends now. Counts stay readable while it runs."""

    def __init__(self, tape: ReadableTape, bounds: Bounds) -> None:
        self._tape = tape
        self._bounds = bounds
        self._lanes: dict[Lane, _LaneState] = {}
        self._ids: dict[int, str] = {}
        self._last_seq = bounds.first - 1
        self.messages = 0
        self.missing = 0

    async def run(self, told: Callable[[int], None]) -> AsyncIterator[Fault]:
        """Yield the faults in tape order; `told` hears every sequence."""
        end = self._bounds.last
        if end >= self._bounds.first:
            async with self._tape.reader(LANES, self._bounds.first) as reader:
                while self._last_seq < end and (entry := await reader.next(READ_S)) is not None:
                    if entry.seq > end:
                        break
                    async for fault in self._take(entry):
                        yield fault
                    told(entry.seq)
        async for fault in self._hole(end + 1):
            yield fault

    async def _take(self, entry: Entry) -> AsyncIterator[Fault]:
        if entry.seq <= self._last_seq:
            yield _fault(entry, f"stands behind {self._last_seq}")
            return
        async for fault in self._hole(entry.seq):
            yield fault
        self._last_seq = entry.seq
        self.messages += 1
        try:
            lane = parse(entry.subject).lane
            head, message = decode(entry.payload)
        except (SubjectError, MessageError) as error:
            yield _fault(entry, str(error))
            return
        self._remember(entry.seq, head.id)
        if not entry.fenced:
            if lane.service not in _SPEAKS_FREELY:
                yield _fault(entry, "does not say what caused it, as only a stranger would")
            return
        for text in self._mechanics(lane, entry, is_birth=isinstance(message, State)):
            yield _fault(entry, text)
        for text in await self._causation(lane, entry, head):
            yield _fault(entry, text)

    def _remember(self, seq: int, message_id: str) -> None:
        self._ids[seq] = message_id
        if len(self._ids) > RECENT_MAX:
            del self._ids[next(iter(self._ids))]

    async def _hole(self, next_seq: int) -> AsyncIterator[Fault]:
        """Say what is wrong about the sequences between the last message and the next."""
        first, last = self._last_seq + 1, next_seq - 1
        if first > last:
            return
        for seq in range(first, min(last, first + PROBED_MAX - 1) + 1):
            entry = await self._tape.get(seq)
            if entry is not None:
                yield _fault(entry, "is refused by every reader: its speaker did not write it")
                return
        self.missing += last - first + 1
        if not self._may_be_missing(last):
            which = f"{first}-{last} are" if last > first else f"{first} is"
            yield Fault(first, "", f"{which} missing, and nothing was trimmed there")

    def _may_be_missing(self, seq: int) -> bool:
        return seq < self._bounds.trimmed_before or self._bounds.kept_days > 0

    def _mechanics(self, lane: Lane, entry: Entry, *, is_birth: bool) -> list[str]:
        """Check a message's place among the outputs of its lane."""
        if not 0 <= entry.index < entry.count:
            return [f"is output {entry.index + 1} of {entry.count}"]
        before = self._lanes.setdefault(lane, _LaneState())
        texts = []
        if entry.cause and entry.cause < before.cause:
            texts.append(f"answers {entry.cause} after {before.cause}")
        if is_birth:
            # Another release speaks from here on: it need not complete what the last one began.
            self._lanes[lane] = _LaneState(cause=max(entry.cause, before.cause))
            return texts
        if not before.is_open and not self._may_lack(lane, entry.seq):
            texts += _set_faults(before, entry)
        self._lanes[lane] = _LaneState(
            cause=entry.cause or before.cause,
            index=entry.index,
            count=entry.count,
            is_open=False,
        )
        return texts

    def _may_lack(self, lane: Lane, seq: int) -> bool:
        """Tell whether messages of a lane around here may be gone for a good reason."""
        if lane.service == "data" and self._bounds.kept_days:
            return True
        return seq <= self._bounds.trimmed_before

    async def _causation(self, lane: Lane, entry: Entry, head: Head) -> list[str]:
        """Check what a message says about its cause, and the id that follows from it."""
        if not head.causation_id:
            return [] if entry.cause < entry.seq else [f"names {entry.cause} as its cause"]
        if not 0 < entry.cause < entry.seq:
            return [f"names {entry.cause} as its cause, which does not stand before it"]
        texts = []
        wanted = derive_id(self._tape.id, str(lane), head.causation_id, entry.index)
        if head.id != wanted:
            texts.append(f"has the id {head.id}, of its cause follows {wanted}")
        cause_id = await self._id_at(entry.cause)
        if cause_id is None:
            if not self._may_be_missing(entry.cause):
                texts.append(f"names {entry.cause} as its cause, where nothing stands")
        elif cause_id != head.causation_id:
            texts.append(f"names {head.causation_id} as its cause, but {entry.cause} is {cause_id}")
        return texts

    async def _id_at(self, seq: int) -> str | None:
        known = self._ids.get(seq)
        if known is not None:
            return known
        entry = await self._tape.get(seq) if seq >= self._bounds.first else None
        if entry is None:
            return None
        try:
            return decode(entry.payload)[0].id
        except MessageError:
            return None  # said where it stands


def _set_faults(before: _LaneState, entry: Entry) -> list[str]:
    """Check that a set of outputs is complete before the next begins."""
    is_same = before.index + 1 < before.count and entry.index == before.index + 1
    if is_same:
        if entry.count != before.count or (entry.cause or before.cause) != before.cause:
            return [f"goes on with outputs of {before.cause} that were {before.count}"]
        return []
    texts = []
    if before.index + 1 < before.count:
        lost = f"{before.index + 2}-{before.count}"
        texts.append(f"comes although outputs {lost} of {before.count} for {before.cause} lack")
    if entry.index:
        texts.append(f"is output {entry.index + 1} of {entry.count}, the one before it is not here")
    return texts


def _fault(entry: Entry, text: str) -> Fault:
    return Fault(entry.seq, entry.subject, text)
