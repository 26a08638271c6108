"""Who reads what, for actors in one process: looked up once for each kind of message."""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Protocol

from shared.core import Patience, PatientCore, Run, RunningCore, Stamp
from shared.messages.base import Message
from shared.subjects import Lane, matches, subject_of

type Handle = Callable[[Stamp, Message], tuple[Message, ...]]
type HandleRun = Callable[[Run], tuple[int, tuple[Message, ...]]]


class Listener(Protocol):
    """Somebody who hears what it reads, and says nothing."""

    @property
    def reads(self) -> Sequence[str]:
        """Subject filters."""
        ...

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Take one message; return ()."""
        ...


class Voice:
    """One core in the walk, or a listener (`lane` None, and no `routes` for what it says).

    Causes at or below `from_seq` are not answered. Of a feed's messages `seen_seq` is the newest
    that it was given or that something newer stood for; `misses_bars` says that bars are held
    back from it, `reads_clock` that it reads the feed's clocks.
    """

    __slots__ = (
        "from_seq", "handle", "handle_run", "is_patient", "lane", "misses_bars", "patience",
        "reads", "reads_clock", "routes", "seen_seq",
    )  # fmt: skip

    def __init__(self, core: Listener, lane: Lane | None) -> None:
        self.lane = lane
        self.routes: LaneRoutes
        self.reads = tuple(core.reads)
        self.handle: Handle = core.handle
        self.handle_run: HandleRun | None = None
        if isinstance(core, RunningCore):
            self.handle_run = core.handle_run
        self.is_patient = isinstance(core, PatientCore)
        self.patience = core.patience if isinstance(core, PatientCore) else Patience()
        self.misses_bars = self.reads_clock = False
        self.from_seq = 0
        self.seen_seq = 0

    def wants(self, subject: str) -> bool:
        """Tell whether one of its filters covers a subject."""
        return any(matches(pattern, subject) for pattern in self.reads)


class Route:
    """The readers of one kind of message on one lane, and how many of it were said.

    Where a filter asks for more than the kind (a symbol, a timeframe), they differ by what
    stands in the subject.
    """

    __slots__ = ("_by_detail", "_detail", "_lane", "_readers", "_voices", "count")

    def __init__(self, voices: Sequence[Voice], lane: Lane, kind: type[Message]) -> None:
        self.count = 0
        self._voices = [voice for voice in voices if voice.lane != lane]
        self._lane = lane
        self._readers: tuple[Voice, ...] | None = None
        self._by_detail: dict[Any, tuple[Voice, ...]] = {}
        prefix = f"{lane}.{kind.__struct_config__.tag}".split(".")
        if not any(_looks_closer(p, prefix) for v in self._voices for p in v.reads):
            subject = ".".join((*prefix, *("x" for _ in kind.SUBJECT)))
            self._readers = tuple(v for v in self._voices if v.wants(subject))
        elif kind.SUBJECT:
            self._detail: Callable[[Any], Any] = attrgetter(*kind.SUBJECT)

    def readers_of(self, message: Message) -> tuple[Voice, ...]:
        """Return who reads this message, in rank order."""
        if self._readers is not None:
            return self._readers
        detail = self._detail(message)
        readers = self._by_detail.get(detail)
        if readers is None:
            subject = subject_of(self._lane, message)
            readers = tuple(v for v in self._voices if v.wants(subject))
            self._by_detail[detail] = readers
        return readers


class LaneRoutes(dict[type[Message], Route]):
    """The routes of one lane by the kind of message, made when first asked for."""

    def __init__(self, voices: Sequence[Voice], lane: Lane) -> None:
        super().__init__()
        self._voices = voices
        self._lane = lane

    def __missing__(self, kind: type[Message]) -> Route:
        """Make the route of one kind of message."""
        made = self[kind] = Route(self._voices, self._lane, kind)
        return made


class Routes(dict[Lane, LaneRoutes]):
    """The routes of all lanes."""

    def __init__(self, voices: Sequence[Voice]) -> None:
        super().__init__()
        self._voices = voices

    def __missing__(self, lane: Lane) -> LaneRoutes:
        """Make the routes of a lane."""
        made = self[lane] = LaneRoutes(self._voices, lane)
        return made


def _looks_closer(pattern: str, prefix: Sequence[str]) -> bool:
    """Tell whether a filter covers some subjects that begin so and not others."""
    tokens = pattern.split(".")
    head, tail = tokens[: len(prefix)], tokens[len(prefix) :]
    if ">" in head or not tail:
        return False
    covers = all(want in ("*", have) for want, have in zip(head, prefix, strict=False))
    return covers and len(head) == len(prefix) and any(t not in ("*", ">") for t in tail)
