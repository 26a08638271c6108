"""`tapedeck backtest`: the desk of `up --until-done` in this process, and what came of it."""

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from types import FrameType
from typing import NamedTuple

from console.backtest.engine import run
from console.backtest.progress import progress
from console.backtest.result import Result
from console.configuration import DeskConfiguration
from console.failure import INTERRUPTED
from console.output import show_document
from console.plan import UpOptions, plan_with_files
from services.data.files.bars import between
from services.data.files.reader import read_apart
from services.data.files.source import FileSource
from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S


class Wanted(NamedTuple):
    """What the command line says beside the options that it shares with `up`."""

    from_text: str | None = None
    to_text: str | None = None
    as_json: bool = False


def backtest(options: UpOptions, wanted: Wanted) -> int:
    """Run, print the result and return the exit code: 130 when Ctrl-C ended it early.

    Raises ConfigurationError and DataError before anything runs.
    """
    from_ns = _moment(wanted.from_text, "--from", is_end=False) or 0
    until_ns = _moment(wanted.to_text, "--to", is_end=True)
    if options.feed not in (None, "file"):
        raise ConfigurationError("a backtest plays files: --data PATH")
    plan, source = plan_with_files(options._replace(feed="file", until_done=True), _read)
    assert source is not None
    for note in plan.notes:
        print(f"note: {note}", file=sys.stderr)
    _refuse_emptiness(source, from_ns, until_ns)
    with _interruptible() as stop, progress(sys.stderr, source, from_ns, until_ns) as show:

        def go_on(ts_ns: int) -> bool:
            show(ts_ns)
            return not stop

        result = run(
            plan.desk, source,
            tape_id=plan.tape_id or "", from_ns=from_ns, until_ns=until_ns, on_progress=go_on,
        )  # fmt: skip
    _say(result, wanted)
    return 0 if result.is_complete else INTERRUPTED


def _read(desk: DeskConfiguration) -> FileSource:
    """Read the files in a process of their own, which takes the memory that it needed with it."""
    files = desk.data.file
    return FileSource.of(asyncio.run(read_apart(files.paths, files.timeframe)))


def _say(result: Result, wanted: Wanted) -> None:
    """Print what came of it."""
    if not result.is_complete:
        reached = _spell(int(result.curve.times_ns[-1]))
        print(f"interrupted: the results are those up to {reached}", file=sys.stderr)
    show_document(result.document, as_json=wanted.as_json, title="Run")


def _moment(text: str | None, option: str, *, is_end: bool) -> int | None:
    """Return a date (the whole day) or a time, UTC unless it says otherwise, in nanoseconds."""
    if text is None:
        return None
    try:
        try:
            day = date.fromisoformat(text) + timedelta(days=int(is_end))
            moment = datetime.combine(day, time(), UTC)
        except ValueError:
            moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{option} {text!r}: a date or a time is expected, as in 2025-05-12 or"
            " 2025-05-12T15:30Z"
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp()) * NS_PER_S


def _refuse_emptiness(source: FileSource, from_ns: int, until_ns: int | None) -> None:
    first_ns, last_ns = source.span
    if not len(between(source.bars, from_ns, until_ns).end_ns):
        raise ConfigurationError(
            f"--from and --to leave no bar: the files go from {_spell(first_ns)} to"
            f" {_spell(last_ns)}"
        )


def _spell(ts_ns: int) -> str:
    return f"{datetime.fromtimestamp(ts_ns // NS_PER_S, UTC):%Y-%m-%d %H:%M} UTC"


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Yield a list that is empty until somebody interrupts; the second time ends the program."""
    stop: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if stop:
            raise KeyboardInterrupt
        stop.append(number)

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
