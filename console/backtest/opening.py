"""What a backtest plays: the plan of the command line, its files, and the span asked for."""

import asyncio
import sys

from console.backtest.moments import moment_of, spell
from console.configuration import DeskConfiguration
from console.plan import Plan, UpOptions, plan_with_files
from services.data.files.bars import Bars, between
from services.data.files.reader import read_apart
from services.data.files.source import FileSource
from shared.domain.errors import ConfigurationError


def opened(options: UpOptions) -> tuple[Plan, FileSource]:
    """Return the plan and the files it plays; notes go to standard error.

    Raises ConfigurationError and DataError before anything runs.
    """
    if options.feed not in (None, "file"):
        raise ConfigurationError("a backtest plays files: --data PATH")
    plan, source = plan_with_files(options._replace(feed="file", until_done=True), _read)
    assert source is not None
    for note in plan.notes:
        print(f"note: {note}", file=sys.stderr)
    return plan, source


def span_of(
    source: FileSource, from_text: str | None, to_text: str | None
) -> tuple[int, int | None]:
    """Return what `--from` and `--to` say, ns; ConfigurationError when they leave no bar."""
    from_ns = moment_of(from_text, "--from", is_end=False) or 0
    until_ns = moment_of(to_text, "--to", is_end=True)
    if not len(between(source.bars, from_ns, until_ns).end_ns):
        first_ns, last_ns = source.span
        raise ConfigurationError(
            f"--from and --to leave no bar: the files go from {spell(first_ns)} to {spell(last_ns)}"
        )
    return from_ns, until_ns


def bars_of(source: FileSource, from_text: str | None, to_text: str | None) -> Bars:
    """Return the bars within `--from` and `--to`."""
    return between(source.bars, *span_of(source, from_text, to_text))


def _read(desk: DeskConfiguration) -> FileSource:
    """Read the files in a process of their own, which takes the memory that it needed with it."""
    files = desk.data.file
    return FileSource.of(asyncio.run(read_apart(files.paths, files.timeframe, files.actions)))
