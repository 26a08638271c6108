"""`tapedeck replay`: what was recorded goes through today's code, and every output is compared."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter

import msgspec

from console.configuration import DeskConfiguration
from console.home import home_of
from console.in_process import actors_of
from console.output import print_json
from console.running import find_desk, open_tape
from shared.domain.errors import ConfigurationError
from shared.domain.values import Timeframe
from shared.messages.lane import State
from shared.runtime.exits import Exit
from shared.runtime.foresight import foresee
from shared.runtime.replay import Replay, Verdict
from shared.subjects import AGGREGATED, LANES
from shared.tape.entry import Entry
from shared.tape.interface import Tape

READ_S = 5.0


def replay(state: Path | None, lanes: tuple[str, ...], *, as_json: bool) -> Exit:
    """Print the verdict; UNEXPECTED when something differs."""
    began_s = perf_counter()
    verdict = asyncio.run(_replay(state, lanes))
    seconds = round(perf_counter() - began_s, 3)
    if as_json:
        document = msgspec.to_builtins(verdict) | {"seconds": seconds}
        print_json(document | {"differences": len(verdict.differences), "first": _first(verdict)})
    else:
        _print(verdict, seconds)
    return Exit.UNEXPECTED if verdict.differences else Exit.OK


async def _replay(state: Path | None, lanes: tuple[str, ...]) -> Verdict:
    home = home_of(state)
    place = find_desk(state, may_rest=True)
    try:
        document = json.loads(home.config_path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"{home.config_path} cannot be read ({error.strerror}): it says which desk this was"
        ) from None
    # A strategy by import path is found from here, as it was when the desk was started.
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))
    desk = DeskConfiguration.model_validate(document)
    async with open_tape(place) as tape:
        certificates = await _certificates(tape)
        actors = actors_of(desk, tape.id, _native(certificates))
        known = {str(actor.core.lane) for actor in actors}
        for lane in lanes:
            if lane not in known:
                raise ConfigurationError(f"no actor {lane!r}: one of {', '.join(sorted(known))}")
        chosen = [actor for actor in actors if not lanes or str(actor.core.lane) in lanes]
        for actor in chosen:
            await foresee(tape, actor.core)
        run = Replay(tape.id, chosen, certificates)
        async for entry in _whole(tape):
            run.feed(entry)
        return run.end()


async def _certificates(tape: Tape) -> dict[str, tuple[int, State]]:
    """Return the newest birth certificate of every lane."""
    found: dict[str, tuple[int, State]] = {}
    patterns = [f"{service}.*.state" for service in _SPEAKERS]
    last = {pattern: await tape.last(pattern) for pattern in patterns}
    end = max((entry.seq for entry in last.values() if entry), default=0)
    if end:
        async with tape.reader(patterns, 1) as reader:
            while (entry := await reader.next(READ_S)) is not None:
                message = entry.open()[1]
                if isinstance(message, State):
                    found[str(entry.lane)] = (entry.seq, message)
                if entry.seq >= end:
                    break
    return found


_SPEAKERS = ("data", "broker", "execution", "risk", "strategy", "ledger")


def _native(certificates: dict[str, tuple[int, State]]) -> Timeframe | None:
    """Return the timeframe of the feed's own bars, None when it has trades.

    The aggregator certified what it builds from, as in `data.file.bar.1m.>`.
    """
    aggregator = certificates.get(str(AGGREGATED))
    if aggregator is None:
        return None
    source = json.loads(aggregator[1].configuration)["source"]
    _, _, event, detail, *_ = source.split(".")
    return Timeframe(detail) if event == "bar" else None


async def _whole(tape: Tape) -> AsyncIterator[Entry]:
    end = (await tape.bounds()).last
    if not end:
        return
    async with tape.reader(LANES, 1) as reader:
        while (entry := await reader.next(READ_S)) is not None:
            yield entry
            if entry.seq >= end:
                return


def _first(verdict: Verdict) -> object:
    return msgspec.to_builtins(verdict.differences[0]) if verdict.differences else None


def _print(verdict: Verdict, seconds: float) -> None:
    for lane in verdict.changed:
        print(f"{lane}: code or configuration is not what it was when this was recorded")
    for one in verdict.differences:
        place = f"message {one.seq}" if one.seq else "nothing recorded"
        print(f"{one.lane}, caused by {one.cause}, {place}:")
        print(f"  recorded {one.recorded}")
        print(f"  produced {one.produced}")
    if verdict.unanswered:
        print(f"{verdict.unanswered} outputs were not recorded yet: the next start says them")
    found = len(verdict.differences) or "no"
    print(
        f"{verdict.events} messages replayed, {verdict.compared} outputs compared,"
        f" {found} differences, {seconds:.1f} s"
    )
