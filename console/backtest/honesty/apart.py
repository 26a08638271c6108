"""A run in a process of its own, which has nothing but the bars that it is given.

Neither another run's memory nor a later bar is there. What a strategy reads past the engine's
back shows up: files of market data that are opened while the run goes on.
"""

import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import override

import msgspec
from msgspec import Struct
from watchdog.events import FileOpenedEvent, FileSystemEventHandler
from watchdog.observers import Observer

from console.backtest.engine import run
from console.configuration import DeskConfiguration
from services.data.files.bars import Bars, pack, unpack
from services.data.files.source import FileSource
from shared.core import Stamp
from shared.messages.base import Message
from shared.messages.signals import Signal

JOBS = 2


class Decision(Struct, frozen=True):
    """What a strategy wanted, and when."""

    ts_ns: int
    signal: Signal


class Run(Struct, frozen=True):
    """What came of one run: decisions in order, and who opened which file of the data."""

    decisions: list[Decision]
    opened: list[str]


class Ear:
    """Listens to every strategy."""

    reads = ("strategy.*.signal.>",)

    def __init__(self) -> None:
        self.heard: list[Decision] = []

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Note a signal."""
        if isinstance(message, Signal):
            self.heard.append(Decision(stamp.ts_ns, message))
        return ()


def runs_apart(desk: DeskConfiguration, parts: Sequence[Bars], files: Sequence[Path]) -> list[Run]:
    """Run the desk over each part of the bars; `files` are what nobody has to open meanwhile."""
    watched = tuple(str(path.resolve()) for path in files)
    document = desk.model_dump_json()
    context = multiprocessing.get_context("spawn")
    with (
        _watching(watched) as opened,
        ProcessPoolExecutor(JOBS, mp_context=context, max_tasks_per_child=1) as pool,
    ):
        work = [pool.submit(_run, document, b"".join(pack(part)), watched) for part in parts]
        runs = [msgspec.json.decode(each.result(), type=Run) for each in work]
    seen = {path for one in runs for path in (line.rpartition(" by ")[0] for line in one.opened)}
    unnamed = [f"{path} by a library" for path in opened if path not in seen]
    return [msgspec.structs.replace(one, opened=[*one.opened, *unnamed]) for one in runs]


def _run(document: str, packed: bytes, watched: tuple[str, ...]) -> bytes:
    """Run in the child process; the answer is JSON."""
    opened: dict[str, None] = {}
    _report_opening(watched, opened)
    ear = Ear()
    desk = DeskConfiguration.model_validate_json(document)
    run(desk, FileSource.of(unpack(packed)), listeners=[ear])
    return msgspec.json.encode(Run(ear.heard, list(opened)))


def _report_opening(watched: tuple[str, ...], opened: dict[str, None]) -> None:
    """Note who opens one of the files through Python, for the rest of this process."""

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event != "open" or not isinstance(arguments[0], str):
            return
        path = str(Path(arguments[0]).resolve())
        if path in watched:
            opened[f"{path} by {_place(sys._getframe(1))}"] = None  # noqa: SLF001 - to name a line

    sys.addaudithook(hook)


def _place(frame: FrameType | None) -> str:
    """Return file and line of the innermost code that belongs to no library."""
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith((sys.prefix, sys.base_prefix, "<")):
            return f"{name}:{frame.f_lineno}"
        frame = frame.f_back
    return "a library"


class _Opened(FileSystemEventHandler):
    """Hears from the kernel (where it tells) that a file was opened, by whatever means."""

    def __init__(self, watched: tuple[str, ...]) -> None:
        self.paths: dict[str, None] = {}
        self._watched = watched

    @override
    def on_opened(self, event: FileOpenedEvent) -> None:
        path = str(Path(str(event.src_path)).resolve())
        if path in self._watched:
            self.paths[path] = None


@contextmanager
def _watching(watched: tuple[str, ...]) -> Iterator[dict[str, None]]:
    handler, observer = _Opened(watched), Observer()
    for folder in {str(Path(path).parent) for path in watched}:
        observer.schedule(handler, folder)
    observer.start()
    try:
        yield handler.paths
    finally:
        observer.stop()
        observer.join()
