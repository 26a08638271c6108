"""Reading what a tape holds already, whole or not at all.

A reader that has nothing for a while says so by None, which for a live actor means "wait". Who
reads up to an end must not take it for the end: a part would pass for the whole.
"""

from collections.abc import AsyncIterator, Sequence

from shared.domain.errors import UnavailableError
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape

READ_S = 5.0


async def read_until(
    tape: ReadableTape, patterns: Sequence[str], end: int, start: int = 1
) -> AsyncIterator[Entry]:
    """Yield the entries that any of the filters covers, from a sequence up to another, in order.

    Raises UnavailableError when the tape holds more and does not give it in READ_S seconds.
    """
    if end < start:
        return
    seen = start - 1
    async with tape.reader(patterns, start) as reader:
        while seen < end:
            entry = await reader.next(READ_S)
            if entry is None:
                if await _last(tape, patterns) <= seen:
                    return  # the rest has expired or was never covered
                raise UnavailableError(
                    f"the tape could not be read past message {seen:,} for {READ_S:g} s"
                )
            if entry.seq > end:
                return
            seen = entry.seq
            yield entry


async def read_all(tape: ReadableTape, patterns: Sequence[str]) -> AsyncIterator[Entry]:
    """Yield all entries that any of the filters covers now, in order. Raises as `read_until`."""
    async for entry in read_until(tape, patterns, await _last(tape, patterns)):
        yield entry


async def _last(tape: ReadableTape, patterns: Sequence[str]) -> int:
    found = [await tape.last(pattern) for pattern in patterns]
    return max((entry.seq for entry in found if entry is not None), default=0)
