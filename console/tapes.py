"""`tapedeck tape ls | tail | show`: reading the tape as a person does."""

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from console.describe import clock_time, describe, moment
from console.output import print_json, show_rows
from console.tape_source import everything, open_source
from shared.domain.errors import ConfigurationError
from shared.messages.codec import MessageError, decode
from shared.subjects import LANES, SERVICES, lane_of, parse
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape
from shared.tape.reading import read_until

READ_S = 1.0
LOOK_BACK = 4  # reads so many times the wanted messages back, then doubles
EFFECTS_SPAN = 5_000  # messages after a cause in which its effects are looked for
SUBJECT_SHOWN = 44


def list_lanes(state: Path | None, file: Path | None, *, as_json: bool) -> None:
    """Print each lane with its messages by event."""

    async def run() -> None:
        async with open_source(state, file) as tape:
            bounds = await tape.bounds()
            kinds = await _kinds(tape, bounds.first, bounds.last)
        rows = [msgspec.to_builtins(kind) for kind in kinds]
        if as_json:
            print_json({"id": tape.id, "first": bounds.first, "last": bounds.last, "lanes": rows})
            return
        columns = ("lane", "event", "messages", "first", "last", "last_time")
        show_rows(rows, columns, as_json=False, empty="the tape is empty")
        print(f"tape {tape.id}, {bounds.first} to {bounds.last}")

    asyncio.run(run())


def tail(
    state: Path | None,
    file: Path | None,
    pattern: str,
    count: int,
    *,
    follow: bool,
    as_json: bool,
) -> None:
    """Print the last messages that a filter covers, and go on when `follow`."""
    _check_filter(pattern)
    if follow and file is not None:
        raise ConfigurationError(f"--follow: {file} is an archive, nothing will be added to it")

    async def run() -> None:
        async with open_source(state, file) as tape:
            seen = await _print_last(tape, pattern, count, as_json=as_json)
            if not follow:
                return
            async with tape.reader(_patterns(pattern), seen + 1) as reader:
                while True:
                    entry = await reader.next(READ_S)
                    if entry is not None:
                        _print_entry(entry, as_json=as_json)

    asyncio.run(run())


def show(state: Path | None, file: Path | None, seq: int, *, as_json: bool) -> None:
    """Print one message, what caused it and what it caused."""

    async def run() -> None:
        async with open_source(state, file) as tape:
            entry = await tape.get(seq)
            if entry is None:
                bounds = await tape.bounds()
                raise ConfigurationError(
                    f"there is no message {seq}: the tape holds {bounds.first} to {bounds.last}"
                )
            cause = await tape.get(entry.cause) if entry.cause else None
            effects = await _effects(tape, entry)
        if as_json:
            document = document_of(entry)
            document["caused_by"] = document_of(cause) if cause else None
            document["effects"] = [document_of(one) for one in effects]
            print_json(document)
            return
        head, body = _opened(entry)
        print(line_of(entry))
        for name, value in {**head, **body}.items():
            print(f"  {name}: {value}")
        for title, entries in (("caused by", [cause] if cause else []), ("effects", effects)):
            print(f"{title}:" if entries else f"{title}: nothing")
            for one in entries:
                print(f"  {line_of(one)}")

    asyncio.run(run())


def line_of(entry: Entry) -> str:
    """Return a message in one line."""
    try:
        stamp, message = entry.open()
    except MessageError as error:
        return f"{entry.seq:>8} {'-':8} {entry.subject:{SUBJECT_SHOWN}} {error}"
    cause = f" <{entry.cause}" if entry.cause else ""
    return (
        f"{entry.seq:>8} {clock_time(stamp.ts_ns)} {entry.subject:{SUBJECT_SHOWN}}"
        f" {describe(message)}{cause}"
    )


def document_of(entry: Entry) -> dict[str, object]:
    """Return a message as JSON values: place, head and body."""
    head, body = _opened(entry)
    return {
        "seq": entry.seq,
        "subject": entry.subject,
        "recorded_ns": entry.recorded_ns,
        "cause": entry.cause,
        "index": entry.index,
        "count": entry.count,
        "head": head,
        "body": body,
    }


def _opened(entry: Entry) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        head, message = decode(entry.payload)
    except MessageError as error:
        return {}, {"unreadable": str(error)}
    return msgspec.to_builtins(head), msgspec.to_builtins(message)


def _print_entry(entry: Entry, *, as_json: bool) -> None:
    if as_json:
        print_json(document_of(entry))
    else:
        print(line_of(entry), flush=True)


async def _print_last(tape: ReadableTape, pattern: str, count: int, *, as_json: bool) -> int:
    """Print the last `count` messages of a filter; return the tape's end at that moment."""
    bounds = await tape.bounds()
    back, found = count * LOOK_BACK, list[Entry]()
    newest = await tape.last(pattern) if pattern != ">" else await tape.get(bounds.last)
    while newest is not None and count:
        start = max(newest.seq - back, bounds.first)
        found = [one async for one in read_until(tape, _patterns(pattern), newest.seq, start)]
        if len(found) >= count or start <= bounds.first:
            break
        back *= 4
    for entry in found[-count:] if count else ():
        _print_entry(entry, as_json=as_json)
    return bounds.last


class _Kind(Struct):
    """The messages of one event on one lane."""

    lane: str
    event: str
    first: int
    messages: int = 0
    last: int = 0
    last_time: str = ""


async def _kinds(tape: ReadableTape, first: int, last: int) -> list[_Kind]:
    """Count the whole tape, in tape order."""
    found: dict[tuple[str, str], _Kind] = {}
    newest: dict[tuple[str, str], Entry] = {}
    async for entry in everything(tape, last, first):
        key = (str(lane_of(entry.subject)), parse(entry.subject).event)
        kind = found.setdefault(key, _Kind(*key, entry.seq))
        kind.messages += 1
        kind.last = entry.seq
        newest[key] = entry
    for key, kind in found.items():
        kind.last_time = moment(_opened(newest[key])[0].get("ts_ns", 0))
    return [found[key] for key in sorted(found)]


async def _effects(tape: ReadableTape, cause: Entry) -> list[Entry]:
    """Return what a message caused directly, within a bounded stretch of the tape."""
    end = min((await tape.bounds()).last, cause.seq + EFFECTS_SPAN)
    if end <= cause.seq:
        return []
    return [one async for one in everything(tape, end, cause.seq + 1) if one.cause == cause.seq]


def _patterns(pattern: str) -> tuple[str, ...]:
    return LANES if pattern == ">" else (pattern,)


def _check_filter(pattern: str) -> None:
    first = pattern.partition(".")[0]
    if first not in (*SERVICES, "*", ">"):
        raise ConfigurationError(
            f"filter {pattern!r}: it begins with one of {', '.join(SERVICES)}, as in 'risk.>'"
        )
