"""The way back to before a call of an author's code that raised.

A checkpoint of everything, and every message handled since. To take a call back, the checkpoint
is restored and the messages are handled again, silently: a core is deterministic. That costs the
hot path two `append`s, where a copy of an author's attributes before each call would cost more
than the call.

Where the checkpoints stand follows from what was handled alone, over restarts too (`left` goes
into the core's snapshots), so that two instances agree on whether a call can be taken back. It
cannot be while the author holds what cannot be frozen: `stuck` says what.
"""

from itertools import batched, chain, repeat
from typing import NamedTuple, cast

from shared.core import Run, Stamp
from shared.messages.base import Message

ENTRIES_MIN = 4_096  # two megabytes of bars an instance
ENTRIES_MAX = 32_768
ENTRIES_PER_BYTE = 2  # a checkpoint costs some 30 ns a byte: 15 ns a message


class Step(NamedTuple):
    """One message of the journal; `now_ns` is the newest time before it, 0: as it was."""

    now_ns: int
    stamp: Stamp
    message: Message


class Rollback:
    """One core's checkpoint and journal.

    The journal is flat, stamp and message in turn: a tuple each would double what it costs. When
    it has `full` items the next checkpoint is due.
    """

    def __init__(self) -> None:
        self.journal: list[
            Stamp | Message | Run | int
        ] = []  # always the same list: the core holds it, too
        self.full = 0
        self.stuck = ""
        self.checkpoint = b""
        self.checkpoint_seq = 0
        self._times: dict[int, int] = {}

    @property
    def left(self) -> int:
        """How many messages may be handled before the next checkpoint is due."""
        return (self.full - len(self.journal)) // 2

    def begin(self, checkpoint: bytes, seq: int, left: int) -> None:
        """Start anew from a checkpoint at `seq`; the next is due after `left` messages."""
        self.checkpoint, self.checkpoint_seq, self.stuck = checkpoint, seq, ""
        self.full = 2 * left
        self.forget()

    def give_up(self, why: str, left: int = ENTRIES_MIN) -> None:
        """Nothing can be taken back until the next checkpoint: the author holds `why`."""
        self.checkpoint, self.stuck = b"", why
        self.full = 2 * left
        self.forget()

    def forget(self) -> None:
        """Drop the journal, and keep when the next checkpoint is due."""
        self.journal.clear()
        self._times.clear()

    def note(self, stamp: Stamp, message: Message) -> None:
        """Add a message."""
        self.journal.append(stamp)
        self.journal.append(message)

    def note_run(self, run: Run, taken: int) -> None:
        """Add the first bars of a run: itself and a place in it, instead of stamp and message."""
        self.journal.extend(chain.from_iterable(zip(repeat(run), range(taken), strict=False)))

    def time_passed(self, now_ns: int) -> None:
        """Note the newest time after the last message: nothing else came of what told it."""
        self._times[len(self.journal)] = now_ns

    def take(self) -> list[Step]:
        """Return the journal and start a new one."""
        taken, times = self.journal.copy(), self._times.copy()
        self.forget()
        return [
            Step(times.get(2 * i, 0), *_opened(*pair)) for i, pair in enumerate(batched(taken, 2))
        ]


def _opened(first: object, second: object) -> tuple[Stamp, Message]:
    """Return a stamp and its message from two items of the journal."""
    if isinstance(first, Stamp):
        return first, cast("Message", second)
    run, place = cast("Run", first), cast("int", second)
    return run.stamp(place), run.bars[place]


def messages_until_next(checkpoint_bytes: int) -> int:
    """Return after how many messages a checkpoint of this size has paid for itself."""
    return min(max(ENTRIES_MIN, checkpoint_bytes * ENTRIES_PER_BYTE), ENTRIES_MAX)
