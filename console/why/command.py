"""`tapedeck why`, from the command line to the screen."""

import asyncio
from pathlib import Path

import msgspec

from console.backtest.moments import moment_of
from console.describe import moment
from console.output import print_json, terminal
from console.tape_source import open_source
from console.why.absence import Absence, why_not
from console.why.story import Story, story_of
from console.why.telling import document, show


def why(text: str, state: Path | None, file: Path | None, *, as_json: bool) -> None:
    """Print the story of a message; ConfigurationError when the tape has none of that name."""

    async def run() -> Story:
        async with open_source(state, file) as tape:
            return await story_of(tape, text)

    story = asyncio.run(run())
    if as_json:
        print_json(document(story))
    else:
        show(story, terminal())


def explain_absence(
    symbol: str,
    when: str,
    strategy: str | None,
    state: Path | None,
    file: Path | None,
    *,
    as_json: bool,
) -> None:
    """Print why nothing went out in a symbol at a market time; ConfigurationError as `why_not`."""
    asked_ns = moment_of(when, "TIME", is_end=False)
    assert asked_ns is not None

    async def run() -> Absence:
        async with open_source(state, file) as tape:
            return await why_not(tape, symbol, asked_ns, strategy)

    found = asyncio.run(run())
    if as_json:
        print_json(msgspec.to_builtins(found))
        return
    print(f"{symbol} at {moment(found.slice_ns)} UTC, message {found.seq:,}")
    for note in found.notes:
        print(f"  {note}")
    for reason in found.reasons:
        print(f"{reason.strategy}: {reason.sentence}")
        if reason.values:
            print(f"  {', '.join(reason.values)}")
