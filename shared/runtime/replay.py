"""Replay: the recorded inputs go through the code again, and every output is compared.

The same walk as a recovery (`runner`), without a server to publish on: each actor's core handles
its inputs in tape order, and what it says must be what its lane holds, byte for byte. Outputs
before an actor's newest birth certificate were made by another release and are not compared.
"""

from collections import deque
from collections.abc import Iterable

from msgspec import Struct

from shared.messages.base import Message
from shared.messages.lane import State
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.sieve import MarketSieve
from shared.subjects import lane_of, matches
from shared.tape.entry import Entry, Outgoing, answers

DIFFERENCES_MAX = 20  # of one actor; after the first, the rest usually follows from it


class Difference(Struct, frozen=True):
    """One place where the code does not say what was recorded.

    `seq` is the recorded output's sequence, 0 when nothing was recorded; `cause` the input's.
    """

    lane: str
    cause: int
    seq: int
    recorded: str
    produced: str


class Verdict(Struct):
    """What a replay found.

    `changed` are actors whose code or configuration is another now; `unanswered` counts outputs
    behind the end of their lanes, which the next start of the desk will say.
    """

    events: int = 0
    compared: int = 0
    unanswered: int = 0
    differences: list[Difference] = []
    changed: list[str] = []


class Replay:
    """Feeds a tape to fresh cores. `certificates` holds each lane's newest, with its sequence."""

    def __init__(
        self, tape_id: str, actors: Iterable[Actor], certificates: dict[str, tuple[int, State]]
    ) -> None:
        self._tape_id = tape_id
        self._seats = [
            _Seat(actor, *certificates[str(actor.core.lane)])
            for actor in actors
            if str(actor.core.lane) in certificates
        ]
        self._readers: dict[str, tuple[_Seat, ...]] = {}
        self.verdict = Verdict(changed=[s.lane for s in self._seats if s.is_changed])

    def feed(self, entry: Entry) -> None:
        """Handle one entry; entries come in tape order."""
        self.verdict.events += 1
        readers = self._readers_of(entry.subject)
        if readers:
            stamp, message = entry.open()
            for seat in readers:
                if seat.sieve.lets_through(entry, stamp.ts_ns):
                    said: tuple[Message, ...] = seat.actor.core.handle(stamp, message)
                    if said and entry.seq > seat.certificate.from_seq:
                        outs = answers(self._tape_id, seat.actor.core.lane, stamp, said)
                        seat.produced.extend(birth.still_to_say(outs, seat.certificate))
        own = self._owner_of(entry)
        if own is not None:
            self._compare(own, entry)

    def end(self) -> Verdict:
        """Return what was found. What a lane's end lacks is not said yet, and no difference."""
        self.verdict.unanswered = sum(len(seat.produced) for seat in self._seats)
        return self.verdict

    def _compare(self, seat: "_Seat", entry: Entry) -> None:
        self.verdict.compared += 1
        # What was produced for an earlier input and is not here is missing on the tape.
        while seat.produced and seat.produced[0].cause < entry.cause:
            out = seat.produced.popleft()
            self._differ(seat, Difference(seat.lane, out.cause, 0, "nothing", _shown(out)))
        if not seat.produced or seat.produced[0].cause > entry.cause:
            missing = Difference(seat.lane, entry.cause, entry.seq, _shown(entry), "nothing")
            self._differ(seat, missing)
            return
        out = seat.produced.popleft()
        if not out.is_recorded_as(entry):
            both = Difference(seat.lane, entry.cause, entry.seq, _shown(entry), _shown(out))
            self._differ(seat, both)

    def _differ(self, seat: "_Seat", difference: Difference) -> None:
        seat.differences += 1
        if seat.differences <= DIFFERENCES_MAX:
            self.verdict.differences.append(difference)

    def _owner_of(self, entry: Entry) -> "_Seat | None":
        for seat in self._seats:
            if entry.seq > seat.born_seq and entry.lane == seat.actor.core.lane:
                return seat
        return None

    def _readers_of(self, subject: str) -> "tuple[_Seat, ...]":
        readers = self._readers.get(subject)
        if readers is None:
            lane = lane_of(subject)
            readers = self._readers[subject] = tuple(
                seat
                for seat in self._seats
                if seat.actor.core.lane != lane
                and any(matches(pattern, subject) for pattern in seat.actor.core.reads)
            )
        return readers


class _Seat:
    """One actor in a replay."""

    def __init__(self, actor: Actor, born_seq: int, certificate: State) -> None:
        self.actor = actor
        self.lane = str(actor.core.lane)
        self.born_seq = born_seq
        self.certificate = certificate
        self.is_changed = not birth.is_same_release(certificate, birth.certificate(actor, 0))
        self.sieve = MarketSieve()
        self.produced: deque[Outgoing] = deque()
        self.differences = 0


def _shown(what: Entry | Outgoing) -> str:
    return f"{what.subject} {what.payload.decode(errors='replace')}"
