"""What every decision core looks like from outside.

A core is a deterministic state machine: a message in, messages out. It does no I/O, awaits
nothing, reads no clock, no environment and no randomness. Whatever it must know arrives as a
message. It may add, subtract, multiply, divide and take square roots; it iterates over ordered
containers only (ARCHITECTURE.md, "Time and determinism").
"""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from shared.messages.base import Message
from shared.messages.market import Bar
from shared.subjects import Lane


class Stamp(Struct, frozen=True):
    """Where a message stands and who said it.

    `seq` is the only order. `ts_ns` is the message's own time and explains, it never sorts;
    `recorded_ns` is when the tape took it. `id` and `correlation_id` are its identity and its
    story's.
    """

    seq: int
    ts_ns: int
    lane: Lane
    id: str
    correlation_id: str
    recorded_ns: int = 0


class Core(Protocol):
    """One actor's decisions."""

    @property
    def lane(self) -> Lane:
        """The lane this core alone writes."""
        ...

    @property
    def reads(self) -> Sequence[str]:
        """Subject filters of its inputs; never its own lane, no filter a subset of another."""
        ...

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Apply one message and return what it causes, in order."""
        ...

    def snapshot(self) -> bytes:
        """Return the whole state as canonical bytes: equal states give equal bytes."""
        ...

    def restore(self, state: bytes, /) -> None:
        """Take over a state that `snapshot` of the same release made.

        Raises ValueError or MsgspecError when it cannot be used: the tape is handled again then.
        """
        ...


NEVER_NS = 2**63 - 1
NO_BARS: Container[str] = ()

type NewestBars = Mapping[str, tuple[Stamp, Bar]]
type Bounds = Mapping[str, tuple[float, float]]
"""The lowest and the highest price, by symbol."""


class Patience(Struct):
    """What of a feed a core must be given at once; the core keeps it up to date.

    `bars` are the symbols whose next bar must come when it comes, None: every symbol; `due_ns` is
    the time from which on every clock must come (0: all, NEVER_NS: none). A core that never waits
    for one sets `minds_time` to False, one that never waits for a bar gives NO_BARS for `bars`.

    `wakes`, where there is one, is asked when a clock is due. It looks at the newest bars of all
    symbols, given to the core or not, and says whether the clock must come after all. Where it
    says no it may leave `bounds`: while no close lies outside, it need not be asked again. Whatever
    the core is given that could change the answer takes them back (None).
    """

    bars: Container[str] | None = None
    due_ns: int = 0
    minds_time: bool = True
    wakes: Callable[[NewestBars], bool] | None = None
    bounds: Bounds | None = None


@runtime_checkable
class PatientCore(Core, Protocol):
    """A core that need not see every bar and clock.

    Most of what a file plays is remembered by most cores as "the newest price, the newest time".
    A host in one process may hold bars and clocks of the feed back, except

    - those of the first slice it ever gives, and of a slice whose clock names another `session`
      or `is_open` than the clock before: such a slice is given whole;
    - bars of a symbol in `patience.bars`, and clocks at or after `patience.due_ns`.

    Before the next message that is not held back it gives the newest bar of each symbol that was
    (in the order in which the symbols first came) and the newest clock, with their own stamps.
    That must leave the core in the same state as giving all of them, and cause no answer.
    """

    @property
    def patience(self) -> Patience:
        """What the core waits for now: the same object for the whole life of the core."""
        ...


class Run(Protocol):
    """Bars of a feed that follow one another, with nothing between them but the feed's clocks."""

    @property
    def bars(self) -> Sequence[Bar]:
        """The bars, in the order of the tape."""
        ...

    @property
    def times_ns(self) -> Sequence[int]:
        """The time of each bar's message."""
        ...

    def stamp(self, place: int) -> Stamp:
        """Return the stamp of the bar at a place; made when asked for."""
        ...


@runtime_checkable
class RunningCore(PatientCore, Protocol):
    """A core that can take many bars in one call, because most of them mean nothing to others."""

    def handle_run(self, run: Run, /) -> tuple[int, tuple[Message, ...]]:
        """Take bars up to the first that is answered, or at which the core may wait for a clock;
        return how many were taken, and what is said to the last of them.

        The same as `handle` for each. None are taken where that needs more care.
        """
        ...
