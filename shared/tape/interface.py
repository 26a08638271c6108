"""What a tape can do. `memory` and `jetstream` implement it and pass one contract suite."""

from collections.abc import Sequence
from typing import Protocol, Self

from msgspec import Struct

from shared.domain.errors import TapedeckError
from shared.subjects import Lane
from shared.tape.entry import Entry, Outgoing

BATCH_MAX = 1_000  # messages in one atomic batch: the server's own limit
PAYLOAD_BYTES_MAX = 1_000_000  # on any tape, so that one from anywhere can be played in memory
HEADER_BYTES_MAX = 4_096  # of ours; the server counts them as part of the payload


class FenceLostError(TapedeckError):
    """Somebody else wrote on the lane: this writer is out of date and must stop publishing."""

    def __init__(self, lane: Lane, expected_seq: int, actual_seq: int) -> None:
        super().__init__(
            f"lane {lane} was expected to end at {expected_seq} but ends at {actual_seq}:"
            " another instance writes it"
        )
        self.lane = lane
        self.expected_seq = expected_seq
        self.actual_seq = actual_seq


class SupersededError(TapedeckError):
    """Another release has taken the lane over: this one has nothing to say any more."""

    def __init__(self, lane: Lane, seq: int) -> None:
        super().__init__(f"lane {lane} was taken over by another release at {seq}")
        self.lane = lane
        self.seq = seq


class NoVerdictError(TapedeckError):
    """A publish was neither confirmed nor refused: it may or may not be on the tape."""


class TapeFullError(TapedeckError):
    """The tape cannot take more (disk or limits); nothing recorded is lost."""


class PayloadTooLargeError(TapedeckError):
    """A message is larger than the server takes; refused before it is sent."""

    def __init__(self, subject: str, size_bytes: int, limit: int = PAYLOAD_BYTES_MAX) -> None:
        super().__init__(f"a message on {subject} has {size_bytes} bytes, the tape takes {limit}")


class DivergenceError(TapedeckError):
    """The code does not produce what its lane holds: stop, report, never publish over it."""

    def __init__(self, lane: Lane, seq: int, recorded: str, produced: str) -> None:
        super().__init__(
            f"lane {lane} diverges at {seq}: recorded {recorded}; this code produces {produced}"
        )
        self.lane = lane
        self.seq = seq


class Bounds(Struct, frozen=True):
    """First and last sequence; `first` is 1 and `last` 0 when the tape is empty.

    Messages before `trimmed_before` may have been trimmed (`retention`). Market data older than
    `kept_days` may be gone; 0: it is kept for ever.
    """

    first: int
    last: int
    trimmed_before: int = 1
    kept_days: float = 0.0


class Reader(Protocol):
    """Messages of some subjects in tape order, from one sequence on, gapless.

    Use as an async context manager.
    """

    async def next(self, timeout_s: float) -> Entry | None:
        """Return the next entry, or None when none came in time."""
        ...

    def interrupt(self) -> None:
        """Let `next` wait no longer, now or when it is called; for an orderly end."""
        ...

    @property
    def recreations(self) -> int:
        """How often the way to the tape was made anew, after a gap or a silence."""
        ...

    @property
    def is_idle(self) -> bool:
        """True when nothing more is at hand without waiting."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


class ReadableTape(Protocol):
    """One sequence of messages, to be read: a tape, or an archive of one.

    Every method may raise UnavailableError, or ArchiveError where a file is damaged.
    """

    @property
    def id(self) -> str:
        """16 hexadecimal characters chosen when the tape was made."""
        ...

    async def bounds(self) -> Bounds:
        """Return the first and the last sequence."""
        ...

    async def get(self, seq: int) -> Entry | None:
        """Return the entry at a sequence, None when there is none."""
        ...

    async def last(self, pattern: str) -> Entry | None:
        """Return the last entry that a filter covers, as the leader knows it."""
        ...

    def reader(self, patterns: Sequence[str], start_seq: int) -> Reader:
        """Return a reader of the entries that any of the filters covers, from `start_seq` on."""
        ...


class Tape(ReadableTape, Protocol):
    """One sequence of messages. Every method may raise UnavailableError."""

    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        """Append if the lane's last sequence is `fence`; return the new sequence.

        Raises FenceLostError when it is not, NoVerdictError when nobody knows, TapeFullError.
        """
        ...

    async def append_batch(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        """Append all or none, adjacent, at most BATCH_MAX; return the last sequence."""
        ...

    async def append_run(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        """Append a prefix of `outs`, adjacent, without waiting between them; return the last.

        Each stands only directly behind the one before, so whoever else speaks meanwhile ends
        the run: then it raises as `append` does, and a prefix may be on the tape.
        """
        ...

    async def tell(self, out: Outgoing, *, once_id: str) -> int:
        """Append without a fence, once per `once_id` (within two minutes); for commands.

        Returns the sequence, also when the message was already there.
        """
        ...
