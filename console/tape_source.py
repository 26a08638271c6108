"""What the tape commands read, and places on a tape as people name them."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from console.running import find_desk, open_tape
from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S
from shared.subjects import LANES
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry
from shared.tape.interface import Bounds, ReadableTape
from shared.tape.reading import read_until

READ_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD_EVERY = 500  # a bar need not be drawn anew for every message


@asynccontextmanager
async def open_source(state: Path | None, file: Path | None) -> AsyncIterator[ReadableTape]:
    """Yield the archive when one is named, else the tape of the desk, which may rest."""
    if file is not None:
        yield ArchiveTape.open(file)
        return
    async with open_tape(find_desk(state, may_rest=True)) as tape:
        yield tape


async def everything(tape: ReadableTape, end: int, start: int = 1) -> AsyncIterator[Entry]:
    """Yield all messages from a sequence up to another, in order."""
    if isinstance(tape, ArchiveTape):
        for known in takewhile(lambda one: one.seq <= end, tape.entries(start)):
            yield known
        return
    async for entry in read_until(tape, LANES, end, start):
        yield entry


async def resolve(tape: ReadableTape, bounds: Bounds, text: str, option: str) -> int:
    """Return the sequence that a person means: a number, or the first recorded at a time or later.

    Raises ConfigurationError for what is neither.
    """
    digits = text.replace(",", "").replace("_", "")
    if digits.isdecimal():
        return int(digits)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} {text!r}: a sequence, or a time such as 2026-11-20 or 2026-11-20T14:30"
            " (UTC) is expected"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    span = moment - _EPOCH
    ns = (span.days * 86_400 + span.seconds) * NS_PER_S + span.microseconds * 1_000
    return await _first_at(tape, bounds, ns)


async def _first_at(tape: ReadableTape, bounds: Bounds, ns: int) -> int:
    """Return the first sequence recorded at `ns` or later; one past the end when there is none."""
    low, high = bounds.first, bounds.last + 1
    while low < high:
        middle = (low + high) // 2
        async with tape.reader(LANES, middle) as reader:  # skips what is missing
            entry = await reader.next(READ_S)
        if entry is None or entry.recorded_ns >= ns or entry.seq >= high:
            high = middle
        else:
            low = entry.seq + 1
    return low


@contextmanager
def progress(title: str, total: int, *, quiet: bool) -> Iterator[Callable[[int], None]]:
    """Yield what takes how far it is; draws a bar on a terminal, and nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=total)

        def tell(done: int) -> None:
            if done % _TOLD_EVERY == 0:
                bar.update(task, completed=done)

        yield tell
