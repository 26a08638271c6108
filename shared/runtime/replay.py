"""Replay: the recorded inputs go through the code again, and every output is compared.

The same walk as a recovery (`runner`), without a server to publish on: each actor's core handles
its inputs in tape order, and what it says must be what its lane holds, byte for byte. Outputs
before an actor's newest birth certificate were made by another release and are not compared.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from shared.core import Core, Stamp
from shared.messages.base import Message
from shared.messages.lane import State
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.sieve import MarketSieve
from shared.subjects import lane_of, matches
from shared.tape.entry import Entry, Outgoing, answers

DIFFERENCES_MAX = 20  # of one actor; after the first, the rest usually follows from it

type Handle = Callable[[Core, Stamp, Message], tuple[Message, ...]]


class Said(Struct, frozen=True):
    """One output: `payload` is its JSON, `index` its place among the `count` of one input."""

    subject: str
    payload: str
    index: int
    count: int


class Difference(Struct, frozen=True):
    """One place where the code does not say what was recorded.

    `seq` is the recorded output's sequence, 0 when nothing was recorded; `cause` the input's.
    """

    lane: str
    cause: int
    seq: int
    recorded: Said | None
    produced: Said | None


class Verdict(Struct):
    """What a replay found.

    `changed` are actors whose code or configuration is another now; `unanswered` counts outputs
    behind the end of their lanes, which the next start of the desk will say. `differences` holds
    the first ones of each actor, `found` counts all of them.
    """

    events: int = 0
    compared: int = 0
    unanswered: int = 0
    found: int = 0
    differences: list[Difference] = []
    changed: list[str] = []


class Replay:
    """Feeds a tape to fresh cores. `certificates` holds each lane's newest, with its sequence.

    Outputs before `from_seq` are made and not compared. `handle` is how a core is given a message;
    who looks inside puts something else there for a while.
    """

    def __init__(
        self,
        tape_id: str,
        actors: Iterable[Actor],
        certificates: Mapping[str, tuple[int, State]],
        from_seq: int = 1,
    ) -> None:
        self._tape_id = tape_id
        self._from_seq = from_seq
        self._seats = [
            _Seat(actor, *certificates[str(actor.core.lane)])
            for actor in actors
            if str(actor.core.lane) in certificates
        ]
        self._routes: dict[str, tuple[tuple[_Seat, ...], _Seat | None]] = {}
        self.verdict = Verdict(changed=[s.lane for s in self._seats if s.is_changed])
        self.handle: Handle | None = None

    @property
    def cores(self) -> dict[str, Core]:
        """The cores by lane, as they are now; to be looked at."""
        return {seat.lane: seat.actor.core for seat in self._seats}

    def readers_of(self, subject: str) -> list[str]:
        """Return the lanes whose cores read a subject."""
        return [seat.lane for seat in self._route(subject)[0]]

    def feed(self, entry: Entry) -> None:
        """Handle one entry; entries come in tape order."""
        self.verdict.events += 1
        route = self._routes.get(entry.subject)
        readers, own = self._route(entry.subject) if route is None else route
        if readers:
            stamp, message = entry.open()
            for seat in readers:
                if entry.fenced or seat.sieve.lets_through(entry, stamp.ts_ns):
                    if self.handle is None:
                        said = seat.core.handle(stamp, message)
                    else:
                        said = self.handle(seat.core, stamp, message)
                    if said and entry.seq > seat.certificate.from_seq:
                        outs = answers(self._tape_id, seat.core.lane, stamp, said, is_traced=False)
                        seat.produced.extend(birth.still_to_say(outs, seat.certificate))
        if own is not None and entry.seq > own.born_seq:
            self._compare(own, entry)

    def end(self) -> Verdict:
        """Return what was found. What a lane's end lacks is not said yet, and no difference."""
        self.verdict.unanswered = sum(len(seat.produced) for seat in self._seats)
        return self.verdict

    def _compare(self, seat: "_Seat", entry: Entry) -> None:
        if entry.seq >= self._from_seq:
            self.verdict.compared += 1
        # What was produced for an earlier input and is not here is missing on the tape.
        while seat.produced and seat.produced[0].cause < entry.cause:
            out = seat.produced.popleft()
            self._differ(seat, entry, Difference(seat.lane, out.cause, 0, None, _said(out)))
        if not seat.produced or seat.produced[0].cause > entry.cause:
            missing = Difference(seat.lane, entry.cause, entry.seq, _said(entry), None)
            self._differ(seat, entry, missing)
            return
        out = seat.produced.popleft()
        if not out.is_recorded_as(entry):
            both = Difference(seat.lane, entry.cause, entry.seq, _said(entry), _said(out))
            self._differ(seat, entry, both)

    def _differ(self, seat: "_Seat", entry: Entry, difference: Difference) -> None:
        if entry.seq < self._from_seq:
            return
        self.verdict.found += 1
        seat.differences += 1
        if seat.differences <= DIFFERENCES_MAX:
            self.verdict.differences.append(difference)

    def _route(self, subject: str) -> "tuple[tuple[_Seat, ...], _Seat | None]":
        """Return who reads a subject, and whose lane it is on."""
        route = self._routes.get(subject)
        if route is None:
            lane = lane_of(subject)
            owner = next((seat for seat in self._seats if seat.actor.core.lane == lane), None)
            readers = tuple(
                seat
                for seat in self._seats
                if seat is not owner
                and any(matches(pattern, subject) for pattern in seat.actor.core.reads)
            )
            route = self._routes[subject] = (readers, owner)
        return route


class _Seat:
    """One actor in a replay."""

    def __init__(self, actor: Actor, born_seq: int, certificate: State) -> None:
        self.actor = actor
        self.core = actor.core
        self.lane = str(actor.core.lane)
        self.born_seq = born_seq
        self.certificate = certificate
        self.is_changed = not birth.is_same_release(certificate, birth.certificate(actor, 0))
        self.sieve = MarketSieve()
        self.produced: deque[Outgoing] = deque()
        self.differences = 0


def _said(what: Entry | Outgoing) -> Said:
    text = what.payload.decode(errors="replace")
    return Said(what.subject, text, what.index, what.count)
