"""What is likely behind a difference: changed settings, changed code, a line of the strategy.

A digest says that code was changed, not where. So the first message that a strategy answers
otherwise is handled once more, by a fresh core and under a trace: where its author's code asks for
the order, or which line was the last before it stayed silent.
"""

import linecache
import sys
from collections.abc import Callable, Collection
from pathlib import Path
from types import FrameType
from typing import NamedTuple, override

from console.check_strategy.lint import lint_class, sources_of
from console.configuration import DeskConfiguration
from console.in_process import actors_of
from console.replay.differences import setting_changes
from console.replay.recorded import Survey
from console.tape_source import everything
from services.strategy.catalogue import resolve
from services.strategy.core import StrategyCore
from services.strategy.seat import Seat
from shared.core import Core, Stamp
from shared.domain.errors import TapedeckError
from shared.messages.base import Message
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.replay import Replay, Verdict
from shared.tape.interface import ReadableTape

type TraceFunction = Callable[[FrameType, str, object], TraceFunction | None]


class Line(NamedTuple):
    """A line of an author's source. `asks`: an order is asked for there."""

    path: str
    number: int
    asks: bool

    @override
    def __str__(self) -> str:
        """Return file, number and text."""
        text = linecache.getline(self.path, self.number).strip()
        return f"{Path(self.path).name}:{self.number}: {text}"


async def suspects(
    tape: ReadableTape, verdict: Verdict, found: Survey, desk: DeskConfiguration
) -> list[str]:
    """Say, for each actor that differs or is changed, what is likely behind it."""
    actors = {str(actor.core.lane): actor for actor in actors_of(desk, tape.id, found.native)}
    first: dict[str, int] = {}
    for one in verdict.differences:
        first.setdefault(one.lane, one.cause)
    said = []
    for lane in sorted({*first, *verdict.changed}):
        actor = actors[lane]
        said += _changed(actor, found, desk, differs=lane in first)
        line = await line_behind(tape, actor, found, first[lane]) if lane in first else None
        if line is not None:
            does = "asks for an order at" if line.asks else "asks for nothing; it ended at"
            said.append(f"{lane}: answering {first[lane]:,}, today's code {does} {line}")
    return said


async def line_behind(tape: ReadableTape, actor: Actor, found: Survey, cause: int) -> Line | None:
    """Return the line that decided a fresh strategy's answer; None for anybody else."""
    core = actor.core
    if not isinstance(core, StrategyCore):
        return None
    found.foretell(core)
    run = Replay(tape.id, [actor], found.certificates)
    watch = _Watch(sources_of(type(core.strategy)))
    async for entry in everything(tape, cause):
        if entry.seq == cause:
            run.handle = watch.handle
        run.feed(entry)
    return watch.asked or watch.last


class _Watch:
    """Handles one message and follows the author's lines."""

    def __init__(self, paths: Collection[str]) -> None:
        self._paths = paths
        self.asked: Line | None = None
        self.last: Line | None = None

    def handle(self, core: Core, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        before = sys.gettrace()  # a debugger's, or that of a coverage
        sys.settrace(self._entered)
        try:
            return core.handle(stamp, message)
        finally:
            sys.settrace(before)

    def _entered(self, frame: FrameType, _event: str, _what: object) -> TraceFunction | None:
        if frame.f_code is Seat.ask.__code__:
            self._ask(frame)
        return self._went_on if frame.f_code.co_filename in self._paths else None

    def _went_on(self, frame: FrameType, event: str, _what: object) -> TraceFunction:
        if event == "line":
            self.last = Line(frame.f_code.co_filename, frame.f_lineno, asks=False)
        return self._went_on

    def _ask(self, frame: FrameType) -> None:
        caller: FrameType | None = frame
        while caller is not None and caller.f_code.co_filename not in self._paths:
            caller = caller.f_back
        if caller is not None and self.asked is None:
            self.asked = Line(caller.f_code.co_filename, caller.f_lineno, asks=True)


def _changed(actor: Actor, found: Survey, desk: DeskConfiguration, *, differs: bool) -> list[str]:
    lane = str(actor.core.lane)
    now, then = birth.certificate(actor, 0), found.certificates[lane][1]
    settings = setting_changes(then.configuration, now.configuration)
    said = [
        f"{lane}: {one.field} is {one.produced or 'gone'}, it was {one.recorded or 'not there'}"
        for one in settings
    ]
    if now.code_digest != then.code_digest:
        digests = f"{then.code_digest[:8]}, now {now.code_digest[:8]}"
        return [*said, f"{lane}: its code has been changed since: {digests}"]
    return [*said, *_own_doing(lane, desk)] if differs and not settings else said


def _own_doing(lane: str, desk: DeskConfiguration) -> list[str]:
    """Say why an actor with the same code and settings may decide otherwise."""
    why = "it does not decide by its inputs alone, or the tape is not as it was written"
    said = [f"{lane}: code and settings are what they were: {why} (`tapedeck tape verify`)"]
    service, _, actor = lane.partition(".")
    strategy = desk.strategies.get(actor.partition("~")[0])
    if service == "strategy" and strategy is not None:
        try:
            findings = lint_class(resolve(strategy.use))
        except TapedeckError as error:
            return [*said, f"{lane}: {error}"]
        said += [f"{lane}: {finding.line_of_text()}" for finding in findings]
    return said
