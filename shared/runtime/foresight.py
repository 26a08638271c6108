"""What a core must know before it comes to it.

A few facts concern what stands before them: that a host was ended in the middle of a message is
on the tape behind that message. A core that has such facts is told of them before it handles
anything, in every walk over the tape.
"""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from shared.core import Core, Stamp
from shared.messages.base import Message
from shared.tape.interface import ReadableTape
from shared.tape.reading import read_all


@runtime_checkable
class ForeseeingCore(Core, Protocol):
    """A core with facts of that kind."""

    @property
    def foresees(self) -> Sequence[str]:
        """Subject filters of those facts; part of what it reads."""
        ...

    def foresee(self, stamp: Stamp, message: Message, /) -> None:
        """Take one, in tape order; it comes again, at its place, to `handle`."""
        ...


async def foresee(tape: ReadableTape, core: Core) -> None:
    """Tell a core what is ahead of it, up to the tape's present end. Others need not be told."""
    if not isinstance(core, ForeseeingCore):
        return
    for pattern in core.foresees:
        async for entry in read_all(tape, [pattern]):
            core.foresee(*entry.open())
