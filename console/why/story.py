"""The story that a message belongs to: everything said about one order, back to market data.

Messages name their cause by sequence, and what is said about one signal shares its id as the
correlation id. So a story is found by reading what is not market data once, and then a few causes
by their sequence.
"""

import re
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

import msgspec

from console.tape_source import everything
from shared.domain.errors import ConfigurationError
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape
from shared.tape.reading import read_all

SPEAKERS = ("strategy", "risk", "execution", "broker", "analysis", "ledger", "control")
EFFECTS_SPAN = 5_000  # messages after market data among which its effects are looked for
_ID = re.compile(r"[A-Za-z0-9_-]{6,128}")


class _Names(msgspec.Struct):
    """What a message may be called by."""

    id: str = ""
    correlation_id: str = ""
    signal_id: str = ""
    order_id: str = ""
    client_order_id: str = ""
    broker_order_id: str = ""
    execution_id: str = ""


_names_in = msgspec.json.Decoder(_Names).decode


class Story(NamedTuple):
    """Messages by sequence, what was asked for, and which of them each one answers."""

    target: Entry
    entries: Mapping[int, Entry]

    @property
    def roots(self) -> list[Entry]:
        """What nothing on the tape caused: market data, commands, or a cause that is gone."""
        return [one for one in self.entries.values() if one.cause not in self.entries]

    def children(self, entry: Entry) -> list[Entry]:
        """Return what answers a message, in tape order."""
        return [one for one in self.entries.values() if one.cause == entry.seq]

    def causes(self, entry: Entry) -> list[Entry]:
        """Return the chain from what began it to the message itself."""
        chain = [entry]
        while chain[-1].cause in self.entries:
            chain.append(self.entries[chain[-1].cause])
        return chain[::-1]


async def story_of(tape: ReadableTape, text: str) -> Story:
    """Return the story of a sequence, or of an id of a message, signal, order or execution.

    Raises ConfigurationError when the tape has no such message.
    """
    target, found = await _find(tape, text)
    if target.subject.startswith("data."):
        found = await _effects(tape, target)
    entries = {entry.seq: entry for entry in (target, *found)}
    for entry in (target, *found):
        cause = entry.cause
        while cause and cause not in entries:
            before = await tape.get(cause)
            if before is None:
                break
            entries[cause] = before
            cause = before.cause
    return Story(target, dict(sorted(entries.items())))


async def _find(tape: ReadableTape, text: str) -> tuple[Entry, list[Entry]]:
    """Return the message that is meant, and all of its story."""
    digits = text.replace(",", "").replace("_", "")
    if digits.isdecimal():
        bounds = await tape.bounds()
        target = await tape.get(int(digits))
        if target is None:
            raise ConfigurationError(
                f"there is no message {digits}: the tape holds {bounds.first} to {bounds.last}"
            )
        if target.subject.startswith("data."):
            return target, []
        story = _names_in(target.payload).correlation_id
        return target, [one async for one in spoken(tape) if _is_of(one, story)]
    if not _ID.fullmatch(text):
        raise ConfigurationError(f"{text!r} is neither a sequence nor an id")
    return await _find_by_id(tape, text)


async def _find_by_id(tape: ReadableTape, text: str) -> tuple[Entry, list[Entry]]:
    """Return the first message that is called so; an id of an order names its whole story."""
    needle, by_story = text.encode(), dict[str, list[Entry]]()
    target: Entry | None = None
    async for entry in spoken(tape):
        names = _names_in(entry.payload)
        by_story.setdefault(names.correlation_id, []).append(entry)
        if target is None and needle in entry.payload:
            known = (getattr(names, field) for field in names.__struct_fields__)
            if (text in known and names.correlation_id != text) or names.id == text:
                target = entry
    if target is None:
        raise ConfigurationError(
            f"nothing on this tape is called {text}: a sequence, or an id of a message, signal,"
            " order or execution is expected"
        )
    return target, by_story[_names_in(target.payload).correlation_id]


async def _effects(tape: ReadableTape, cause: Entry) -> list[Entry]:
    """Return what answers market data, as far as it stands near."""
    end = min((await tape.bounds()).last, cause.seq + EFFECTS_SPAN)
    near = everything(tape, end, cause.seq + 1)
    return [one async for one in near if one.cause == cause.seq]


def _is_of(entry: Entry, story: str) -> bool:
    return story.encode() in entry.payload and _names_in(entry.payload).correlation_id == story


async def spoken(tape: ReadableTape) -> AsyncIterator[Entry]:
    """Yield everything but market data, in tape order."""
    if isinstance(tape, ArchiveTape):
        for known in tape.entries():
            if not known.subject.startswith("data."):
                yield known
        return
    async for entry in read_all(tape, [f"{service}.>" for service in SPEAKERS]):
        yield entry
