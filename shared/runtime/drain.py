"""All actors in one process: how a backtest composes the desk.

Messages are handled in tape order, each by its readers in rank order, outputs appended as they
are made. A lockstep run through the distributed stack has the same order (see `conductor`), so
both make the same tape, message for message.

One walk, two ways to run it. With a `MemoryTape` every message is encoded and kept. Without one
nothing is: messages are objects on their way from core to core, and ids are made when a core asks
for one (`playback` then holds back what patient cores need not see).
"""

from collections import deque
from collections.abc import Iterable, Sequence

from shared.core import Stamp
from shared.messages.base import Message
from shared.messages.lane import State
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.held import Held
from shared.runtime.routes import Listener, Routes, Voice
from shared.runtime.source import TimeSlice, key_of
from shared.runtime.stamps import LateStamp
from shared.subjects import Lane, lane_of
from shared.tape.entry import Entry, Outgoing, answers, fact
from shared.tape.memory import MemoryTape


class Drain:
    """The desk in one process. `be_born` first, then play what happens.

    `listeners` hear what they read after all actors, and say nothing. `tape` None keeps nothing.
    `seq` is the sequence of the newest message, `held` what a playback holds back from cores.
    """

    def __init__(
        self,
        actors: Iterable[Actor],
        tape_id: str,
        tape: MemoryTape | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._actors = sorted(actors, key=lambda a: (a.rank, str(a.core.lane)))
        self.tape_id = tape_id
        self._tape = tape
        self._voices = [Voice(actor.core, actor.core.lane) for actor in self._actors]
        self._voices += [Voice(listener, None) for listener in listeners]
        self.routes = Routes(self._voices)
        for voice in self._voices:
            if voice.lane is not None:
                voice.routes = self.routes[voice.lane]
        self._queue: deque[tuple[Stamp, Message, Sequence[Voice]]] = deque()
        self.held = Held(self._voices, tape_id)
        self.seq = 0

    def count(self, lane: Lane, kind: type[Message]) -> int:
        """Return how many messages of one kind were said on a lane."""
        return self.routes[lane][kind].count

    # Birth.

    def be_born(self) -> None:
        """Write every actor's birth certificate and opening, in rank order."""
        for actor, voice in zip(self._actors, self._voices, strict=False):
            voice.from_seq = 0 if actor.answers_history else self.seq
            self._certify(actor, voice.from_seq)
            for out in birth.openings(self.tape_id, actor, 0):
                self._keep(out)
                self.seq += 1
                self._put(*Entry(self.seq, out.subject, out.payload, self.seq).open())
        self.walk()

    def _certify(self, actor: Actor, from_seq: int) -> None:
        """Say who answers. Without a tape nobody will ask which code it was: that stays blank."""
        lane = actor.core.lane
        state = State(code_digest="", configuration="", from_seq=from_seq)
        if self._tape is not None:
            state = birth.certificate(actor, from_seq)
            self._keep(birth.outgoing(self.tape_id, actor, state, 0))
        self._put(self._stamp(lane, 0, state), state)

    @property
    def keeps(self) -> bool:
        """Whether messages are encoded and kept."""
        return self._tape is not None

    # Market data.

    def play(self, lane: Lane, part: TimeSlice) -> None:
        """Append one time slice and handle everything that follows from it."""
        ts_ns, count = part.ts_ns, len(part.messages)
        for index, message in enumerate(part.messages):
            if self._tape is not None:
                key, place = key_of(message, ts_ns), {"index": index, "count": count}
                self._keep(fact(self.tape_id, lane, message, ts_ns=ts_ns, key=key, **place))
            self._put(self._stamp(lane, ts_ns, message), message)
        self.walk()

    # The walk.

    def walk(self) -> bool:
        """Handle everything that was said and is not handled yet; False when there is nothing."""
        queue = self._queue
        if not queue:
            return False
        while queue:
            self.give(*queue.popleft())
        return True

    def give(self, stamp: Stamp, message: Message, readers: Sequence[Voice]) -> None:
        """Have readers handle a message."""
        held_seq = self.held.seq
        for voice in readers:
            if voice.seen_seq < held_seq:
                self.held.catch_up(voice)
            if said := voice.handle(stamp, message):
                self.say(voice, stamp, said)

    def say(self, voice: Voice, cause: Stamp, said: tuple[Message, ...]) -> None:
        """Append what one input caused."""
        lane = voice.lane
        if lane is None or cause.seq <= voice.from_seq:
            return
        if self._tape is not None:
            for out in answers(self.tape_id, lane, cause, said):
                self._keep(out)
        ts_ns, tape_id, index = cause.ts_ns, self.tape_id, 0
        for message in said:
            seq = self.seq = self.seq + 1
            route = voice.routes[type(message)]
            route.count += 1
            stamp = LateStamp(seq, ts_ns, lane, "", "", seq, tape_id, message, cause, index)
            if readers := route.readers_of(message):
                self._queue.append((stamp, message, readers))
            index += 1  # noqa: SIM113 - enumerate() makes a tuple each time

    def _stamp(self, lane: Lane, ts_ns: int, message: Message) -> Stamp:
        seq = self.seq = self.seq + 1
        return LateStamp(seq, ts_ns, lane, "", "", seq, self.tape_id, message)

    def _put(self, stamp: Stamp, message: Message) -> None:
        route = self.routes[stamp.lane][type(message)]
        route.count += 1
        readers = route.readers_of(message)
        if readers:
            self._queue.append((stamp, message, readers))

    def _keep(self, out: Outgoing) -> None:
        if self._tape is not None:
            lane = lane_of(out.subject)
            self._tape.put(out, lane=lane, fence=self._tape.lane_end(lane))
