"""What every decision core looks like from outside.

A core is a deterministic state machine: a message in, messages out. It does no I/O, awaits
nothing, reads no clock, no environment and no randomness. Whatever it must know arrives as a
message. It may add, subtract, multiply, divide and take square roots; it iterates over ordered
containers only (ARCHITECTURE.md, "Time and determinism").
"""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from shared.messages.base import Message
from shared.subjects import Lane


class Stamp(Struct, frozen=True):
    """Where a message stands and who said it.

    `seq` is the only order. `ts_ns` is the message's own time and explains, it never sorts;
    `recorded_ns` is when the tape took it. `id` and `correlation_id` are its identity and its
    story's.
    """

    seq: int
    ts_ns: int
    lane: Lane
    id: str
    correlation_id: str
    recorded_ns: int = 0


class Core(Protocol):
    """One actor's decisions."""

    @property
    def lane(self) -> Lane:
        """The lane this core alone writes."""
        ...

    @property
    def reads(self) -> Sequence[str]:
        """Subject filters of its inputs; never its own lane, no filter a subset of another."""
        ...

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message and return what it causes, in order."""
        ...

    def snapshot(self) -> bytes:
        """Return the whole state as canonical bytes: equal states give equal bytes."""
        ...

    def restore(self, state: bytes, /) -> None:
        """Take over a state that `snapshot` of the same release made.

        Raises ValueError or MsgspecError when it cannot be used: the tape is handled again then.
        """
        ...
