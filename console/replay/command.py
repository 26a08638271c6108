"""One replay, from what the command line says to the exit code."""

import asyncio
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import msgspec
from rich.console import Console

from console.collector import without_collector
from console.configuration import DeskConfiguration
from console.describe import describe
from console.home import home_of
from console.in_process import actors_of
from console.output import print_json, terminal
from console.replay.condition import condition
from console.replay.differences import changes, show
from console.replay.inside import Inside, QuitError, Stops
from console.replay.recorded import Survey, desk_of, survey
from console.replay.suspects import suspects
from console.tape_source import everything, open_source, progress, resolve
from shared.domain.errors import ConfigurationError
from shared.messages.base import SCHEMA_VERSION
from shared.runtime.actor import Actor
from shared.runtime.clock import now_ns
from shared.runtime.exits import Exit
from shared.runtime.replay import Difference, Replay, Verdict
from shared.tape.archive import ArchiveTape
from shared.tape.interface import ReadableTape
from shared.tape.retention import refuse_half_history

SHOWN = 5


class Wanted(NamedTuple):
    """What the command line says. `file` is an archive instead of the desk's tape."""

    state: Path | None = None
    file: Path | None = None
    lanes: tuple[str, ...] = ()
    from_text: str | None = None
    to_text: str | None = None
    break_at: int = 0
    break_when: str | None = None
    as_json: bool = False


class Span(NamedTuple):
    """What is compared, ends included, and how many sequences stand `before` it."""

    start: int
    end: int
    before: int


class Outcome(NamedTuple):
    """What was found; `causes` describes the input of each difference shown, `hints` guess why."""

    verdict: Verdict
    seconds: float
    handled_before: int
    causes: Mapping[int, str]
    hints: list[str]


def replay(wanted: Wanted) -> Exit:
    """Print the verdict; UNEXPECTED when something differs.

    Raises ConfigurationError, UnavailableError, and ArchiveError for a file that is damaged.
    """
    meets = None if wanted.break_when is None else condition(wanted.break_when)
    try:
        outcome = asyncio.run(_replay(wanted, Stops(wanted.break_at, meets)))
    except QuitError:
        return Exit.OK
    if wanted.as_json:
        print_json(_document(outcome))
    else:
        _print(outcome, terminal())
    return Exit.UNEXPECTED if outcome.verdict.found else Exit.OK


async def _replay(wanted: Wanted, stops: Stops) -> Outcome:
    # A strategy by import path is found from here, as it was when the desk was started.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    async with open_source(wanted.state, wanted.file) as tape:
        span = await _span(tape, wanted)
        began_s = perf_counter()
        found = await survey(tape)
        _refuse_older_schema(found, tape)
        desk = _desk(wanted, found)
        actors = await _chosen(tape, desk, found, wanted.lanes)
        run = Replay(tape.id, actors, found.certificates, span.start)
        await _walk(tape, run, span.end, stops, quiet=wanted.as_json)
        verdict = run.end()
        seconds = perf_counter() - began_s
        causes = {one.cause: await _cause(tape, one.cause) for one in verdict.differences[:SHOWN]}
        hints = await suspects(tape, verdict, found, desk)
    return Outcome(verdict, round(seconds, 3), span.before, causes, hints)


async def _span(tape: ReadableTape, wanted: Wanted) -> Span:
    """Return what is to be compared; ConfigurationError when that is nothing of the tape."""
    bounds = await tape.bounds()
    start, end = bounds.first, bounds.last
    if wanted.from_text is not None:
        start = max(await resolve(tape, bounds, wanted.from_text, "--from"), start)
    if wanted.to_text is not None:
        end = min(await resolve(tape, bounds, wanted.to_text, "--to"), end)
    for option, place in (("--from", start), ("--break-at", wanted.break_at)):
        if place > end >= bounds.first:
            raise ConfigurationError(
                f"{option} {place:,} lies behind the last message to be replayed, {end:,}"
            )
    return Span(start, end, start - bounds.first)


def _refuse_older_schema(found: Survey, tape: ReadableTape) -> None:
    """Every message says its version: nothing could agree."""
    if found.schema < SCHEMA_VERSION:
        whose = f"release {tape.header.release}" if isinstance(tape, ArchiveTape) else "a release"
        raise ConfigurationError(
            f"this tape was recorded by {whose} with schema version {found.schema}, this release"
            f" says everything in version {SCHEMA_VERSION}: replay it with the one that made it"
        )


def _desk(wanted: Wanted, found: Survey) -> DeskConfiguration:
    """Return the desk's own configuration where it is here, else the one on the tape."""
    if wanted.file is None:
        path = home_of(wanted.state).config_path
        if path.exists():
            return DeskConfiguration.model_validate(json.loads(path.read_bytes()))
    return desk_of(found.certificates)


async def _chosen(
    tape: ReadableTape, desk: DeskConfiguration, found: Survey, lanes: tuple[str, ...]
) -> list[Actor]:
    actors = actors_of(desk, tape.id, found.native)
    known = {str(actor.core.lane) for actor in actors}
    for lane in lanes:
        if lane not in known:
            raise ConfigurationError(f"no actor {lane!r}: one of {', '.join(sorted(known))}")
    chosen = [actor for actor in actors if not lanes or str(actor.core.lane) in lanes]
    for actor in chosen:
        certificate = found.certificates.get(str(actor.core.lane))
        if certificate is not None:
            start = max(certificate[1].built_from, 1)
            await refuse_half_history(tape, actor.core.lane, start, now_ns=now_ns())
        found.foretell(actor.core)
    return chosen


async def _walk(tape: ReadableTape, run: Replay, end: int, stops: Stops, *, quiet: bool) -> None:
    if stops.at or stops.when is not None:
        inside = Inside(tape, run, stops, sys.stdin, sys.stdout)
        async for entry in everything(tape, end):
            await inside.feed(entry)
        return
    with progress("replaying", end, quiet=quiet) as told, without_collector():
        if isinstance(tape, ArchiveTape):
            _feed_archive(tape, run, end, told)
            return
        async for entry in everything(tape, end):
            run.feed(entry)
            told(entry.seq)


def _feed_archive(tape: ArchiveTape, run: Replay, end: int, told: Callable[[int], None]) -> None:
    """Feed chunk by chunk: a task switch for each of a million messages would cost a second."""
    feed = run.feed
    for chunk in tape.chunks():
        for entry in chunk:
            if entry.seq > end:
                return
            feed(entry)
        told(chunk[-1].seq)


async def _cause(tape: ReadableTape, seq: int) -> str:
    entry = await tape.get(seq) if seq else None
    if entry is None:
        return "nothing on the tape"
    return f"{entry.subject.split('.')[2]} {describe(entry.open()[1])}"


def _document(outcome: Outcome) -> dict[str, object]:
    verdict = outcome.verdict
    return {
        "events": verdict.events,
        "compared": verdict.compared,
        "differences": verdict.found,
        "unanswered": verdict.unanswered,
        "changed": verdict.changed,
        "seconds": outcome.seconds,
        "handled_before": outcome.handled_before,
        "hints": outcome.hints,
        "first": _told(verdict.differences[0]) if verdict.differences else None,
        "shown": [_told(one) for one in verdict.differences],
    }


def _told(one: Difference) -> dict[str, object]:
    document: dict[str, object] = msgspec.to_builtins(one)
    return document | {"fields": [change._asdict() for change in changes(one)]}


def _print(outcome: Outcome, screen: Console) -> None:
    verdict = outcome.verdict
    for one in verdict.differences[:SHOWN]:
        show(one, outcome.causes[one.cause], screen)
        screen.print()
    if verdict.found > SHOWN:
        screen.print(f"{verdict.found - SHOWN:,} more differences\n")
    for hint in outcome.hints:
        screen.print(hint, highlight=False, markup=False)
    if verdict.unanswered:
        print(f"{verdict.unanswered} outputs were not recorded yet: the next start says them")
    if outcome.handled_before:
        print(f"{outcome.handled_before:,} messages before --from were handled and not compared")
    print(
        f"{verdict.events:,} messages replayed, {verdict.compared:,} outputs compared,"
        f" {verdict.found or 'no'} differences, {outcome.seconds:.1f} s"
    )
