"""All actors in one process over a tape in memory: how a backtest composes the desk.

Messages are handled in tape order, each by its readers in rank order, outputs appended as they
are made. A lockstep run through the distributed stack has the same order (see `conductor`), so
both write the same tape, message for message.
"""

from collections.abc import Iterable, Sequence

from shared.messages.base import Message
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.feed import slice_facts
from shared.runtime.source import TimeSlice
from shared.subjects import Lane, lane_of, matches
from shared.tape.entry import Outgoing, answers
from shared.tape.memory import MemoryTape


class Drain:
    """The desk in one process. `born` first, then `play` each slice."""

    def __init__(self, actors: Iterable[Actor], tape: MemoryTape) -> None:
        self._actors = sorted(actors, key=lambda a: (a.rank, str(a.core.lane)))
        self._tape = tape
        self._handled = 0
        self._from_seq: dict[Lane, int] = {}
        self._readers: dict[str, tuple[Actor, ...]] = {}

    def be_born(self) -> None:
        """Write every actor's birth certificate and opening, in rank order."""
        for actor in self._actors:
            lane = actor.core.lane
            from_seq = 0 if actor.answers_history else self._tape.last_seq
            state = birth.certificate(actor, from_seq)
            self._append(lane, [birth.outgoing(self._tape.id, actor, state, self._time_ns())])
            self._from_seq[lane] = from_seq
            for out in birth.openings(self._tape.id, actor, self._time_ns()):
                self._append(lane_of(out.subject), [out])
        self._walk()

    def play(self, lane: Lane, part: TimeSlice) -> None:
        """Append one time slice and handle everything that follows from it."""
        self._append(lane, slice_facts(self._tape.id, lane, part))
        self._walk()

    def _walk(self) -> None:
        while self._handled < self._tape.last_seq:
            self._handled += 1
            entry = self._tape.entry(self._handled)
            readers = self._readers_of(entry.subject)
            if not readers:
                continue
            stamp, message = entry.open()
            for actor in readers:
                lane = actor.core.lane
                said: tuple[Message, ...] = actor.core.handle(stamp, message)
                if said and entry.seq > self._from_seq[lane]:
                    self._append(lane, answers(self._tape.id, lane, stamp, said))

    def _append(self, lane: Lane, outs: Sequence[Outgoing]) -> None:
        for out in outs:
            self._tape.put(out, lane=lane, fence=self._tape.lane_end(lane))

    def _time_ns(self) -> int:
        last = self._tape.last_seq
        return self._tape.entry(last).open()[0].ts_ns if last else 0

    def _readers_of(self, subject: str) -> tuple[Actor, ...]:
        readers = self._readers.get(subject)
        if readers is None:
            lane = lane_of(subject)
            readers = tuple(
                actor
                for actor in self._actors
                if actor.core.lane != lane
                and any(matches(pattern, subject) for pattern in actor.core.reads)
            )
            self._readers[subject] = readers
        return readers
