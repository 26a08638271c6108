"""How far a backtest is, on a terminal; nothing where nobody looks."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from services.data.files.source import FileSource

type Show = Callable[[int], None]


@contextmanager
def progress(
    screen: TextIO, source: FileSource, from_ns: int, until_ns: int | None
) -> Iterator[Show]:
    """Yield a function that is told the event time reached."""
    if not screen.isatty():
        yield lambda _ts_ns: None
        return
    first_ns, last_ns = source.span
    begin_ns = max(first_ns, from_ns)
    length_ns = max(min(last_ns, until_ns or last_ns) - begin_ns, 1)
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=screen), transient=True) as bar:
        task = bar.add_task(f"{source.total:,} bars", total=1.0)
        yield lambda ts_ns: bar.update(task, completed=(ts_ns - begin_ns) / length_ns)
