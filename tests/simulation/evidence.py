"""A finished tape, opened: what the auditors look at. Message types only, no core's logic."""

from collections.abc import Iterable, Iterator, Sequence
from typing import override

from msgspec import Struct

from shared.core import Stamp
from shared.messages.base import Message
from shared.messages.codec import Head, decode
from shared.tape.entry import Entry

ACTORS = ("strategy", "risk", "execution", "broker", "ledger")
NEVER = 2**63 - 1


class Breach(Struct, frozen=True):
    """An invariant (docs/invariants.md) that did not hold, and where."""

    rule: str
    seq: int
    text: str

    @override
    def __str__(self) -> str:
        return f"{self.rule} at {self.seq}: {self.text}"


class Fact(Struct, frozen=True):
    """One entry with its message; `is_news` False: market data that every core passes over."""

    entry: Entry
    stamp: Stamp
    head: Head
    message: Message
    is_news: bool

    @property
    def seq(self) -> int:
        return self.entry.seq

    @property
    def cause(self) -> int:
        return self.entry.cause

    @property
    def lane(self) -> str:
        return str(self.stamp.lane)


class Evidence:
    """Facts in tape order, by sequence and by kind."""

    def __init__(self, entries: Iterable[Entry], outside: Sequence[str] = ()) -> None:
        self.outside = tuple(outside)  # lanes on which facts of the outside world are written
        self.facts: list[Fact] = []
        self.by_id: dict[str, Fact] = {}
        newest_ns: dict[str, int] = {}
        for entry in entries:
            stamp, message = entry.open()
            is_news = True
            if not entry.fenced and entry.subject.startswith("data."):
                is_news = stamp.ts_ns > newest_ns.get(entry.subject, -1)
                if is_news:
                    newest_ns[entry.subject] = stamp.ts_ns
            fact = Fact(entry, stamp, decode(entry.payload)[0], message, is_news)
            self.facts.append(fact)
            self.by_id.setdefault(stamp.id, fact)

    def at(self, seq: int) -> Fact:
        """Return the fact at a sequence, which exists."""
        return self.facts[seq - 1]

    def of[M: Message](self, kind: type[M], lane: str = "") -> Iterator[tuple[Fact, M]]:
        """Yield the facts of one kind, of one lane if it is named."""
        for fact in self.facts:
            message = fact.message
            if isinstance(message, kind) and (not lane or fact.lane == lane):
                yield fact, message
