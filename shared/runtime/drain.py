"""All actors in one process: how a backtest composes the desk.

Messages are handled in tape order, each by its readers in rank order, outputs appended as they
are made. A lockstep run through the distributed stack has the same order (see `conductor`), so
both make the same tape, message for message.

One walk, two ways to run it. With a `MemoryTape` every message is encoded and kept. Without one
nothing is: messages are objects on their way from core to core, ids are made when a core asks
for one, and `play_moments` holds back what patient cores need not see (`shared.core.Patience`).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from shared.core import Stamp
from shared.domain.errors import ensure
from shared.messages.base import Message
from shared.messages.lane import State
from shared.messages.market import Bar, Clock
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.held import Held
from shared.runtime.routes import Listener, Routes, Voice
from shared.runtime.source import Moment, Moments, TimeSlice, key_of
from shared.runtime.stamps import LateStamp
from shared.subjects import Lane, lane_of
from shared.tape.entry import Entry, Outgoing, answers, fact
from shared.tape.memory import MemoryTape

BARS_PER_REPORT = 16_384


class Drain:
    """The desk in one process. `be_born` first, then play what happens.

    `listeners` hear what they read after all actors, and say nothing. `tape` None keeps nothing.
    `seq` is the sequence of the newest message.
    """

    def __init__(
        self,
        actors: Iterable[Actor],
        tape_id: str,
        tape: MemoryTape | None = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._actors = sorted(actors, key=lambda a: (a.rank, str(a.core.lane)))
        self._tape_id = tape_id
        self._tape = tape
        self._voices = [Voice(actor.core, actor.core.lane) for actor in self._actors]
        self._voices += [Voice(listener, None) for listener in listeners]
        self._routes = Routes(self._voices)
        self._queue: deque[tuple[Stamp, Message, Sequence[Voice]]] = deque()
        self._held = Held(self._voices, tape_id)
        self._steady: dict[str, tuple[Voice, ...]] = {}
        self.seq = 0

    def count(self, lane: Lane, kind: type[Message]) -> int:
        """Return how many messages of one kind were said on a lane."""
        return self._routes.of(lane, kind).count

    def newest_price(self, symbol: str) -> float | None:
        """Return the close of a symbol's newest bar, of those that `play_moments` played."""
        found = self._held.bars.get(symbol)
        return None if found is None else found[1].close

    # Birth.

    def be_born(self) -> None:
        """Write every actor's birth certificate and opening, in rank order."""
        for actor, voice in zip(self._actors, self._voices, strict=False):
            voice.from_seq = 0 if actor.answers_history else self.seq
            self._certify(actor, voice.from_seq)
            for out in birth.openings(self._tape_id, actor, 0):
                self._keep(out)
                self.seq += 1
                self._put(*Entry(self.seq, out.subject, out.payload, self.seq).open())
        self._walk()

    def _certify(self, actor: Actor, from_seq: int) -> None:
        """Say who answers. Without a tape nobody will ask which code it was: that stays blank."""
        lane = actor.core.lane
        state = State(code_digest="", configuration="", from_seq=from_seq)
        if self._tape is not None:
            state = birth.certificate(actor, from_seq)
            self._keep(birth.outgoing(self._tape_id, actor, state, 0))
        self._put(self._stamp(lane, 0, state), state)

    # Market data.

    def play(self, lane: Lane, part: TimeSlice) -> None:
        """Append one time slice and handle everything that follows from it."""
        ts_ns, count = part.ts_ns, len(part.messages)
        for index, message in enumerate(part.messages):
            if self._tape is not None:
                key, place = key_of(message, ts_ns), {"index": index, "count": count}
                self._keep(fact(self._tape_id, lane, message, ts_ns=ts_ns, key=key, **place))
            self._put(self._stamp(lane, ts_ns, message), message)
        self._walk()

    def play_moments(self, lane: Lane, moments: Moments) -> Iterator[tuple[int, int]]:
        """Play bars and clocks, keeping nothing; yield (moments played, time) after each moment
        that had consequences, and now and then.

        What comes of it is what `play` makes of the same slices, once `settle` was called. A
        moment takes effect whole: whoever stops between two stands at the end of a slice.
        """
        ensure(self._tape is None, "INV-PATIENCE", "what is held back would not be on the tape")
        bar_route, clock_route = self._routes.of(lane, Bar), self._routes.of(lane, Clock)
        self._held.attend(lane, moments.clock)
        self._steady.clear()
        queue, count, bars_told = self._queue, 0, 0
        for moment in moments:
            if moment[2] or not count:
                self._play_whole(lane, moment, moments.clock(moment[0]))
            else:
                self._play_patiently(lane, moment)
                bar_route.count += len(moment[1])
            count += 1  # noqa: SIM113 - enumerate() makes a tuple each time
            clock_route.count = count
            if queue:
                self._walk()
                yield count, moment[0]
            elif bar_route.count - bars_told > BARS_PER_REPORT:
                bars_told = bar_route.count
                yield count, moment[0]

    def settle(self) -> None:
        """Give every core what was held back from it."""
        for voice in self._voices:
            self._held.catch_up(voice)

    def _play_whole(self, lane: Lane, moment: Moment, clock: Clock) -> None:
        """Give everybody everything."""
        self.settle()
        ts_ns, bars, _, unread, actions = moment
        seq = self.seq
        self.seq = seq + len(actions) + len(bars) + 1
        for message in (*actions, *bars):
            seq += 1
            stamp = LateStamp(seq, ts_ns, lane, "", "", seq, self._tape_id, message)
            if isinstance(message, Bar):
                self._held.bars[message.symbol] = (stamp, message)
            route = self._routes.of(lane, type(message))
            route.count += 1
            self._give(stamp, message, route.readers_of(message))
        seq += 1
        self.seq += unread
        stamp = LateStamp(seq, ts_ns, lane, "", "", seq, self._tape_id, clock)
        self._give(stamp, clock, self._routes.of(lane, Clock).readers_of(clock))
        self._held.all_have_seen(ts_ns, seq)

    def _play_patiently(self, lane: Lane, moment: Moment) -> None:
        """Give bars to who wants every one or waits for this one, and the clock to whom it is due.

        This is what a backtest spends its time with.
        """
        held, steady, tape_id = self._held, self._steady, self._tape_id
        newest, waiting = held.bars, held.waiting
        ts_ns, bars, _, unread, _ = moment
        seq = self.seq
        self.seq = seq + len(bars) + 1
        for bar in bars:
            seq += 1
            symbol = bar.symbol
            stamp = LateStamp(seq, ts_ns, lane, "", "", seq, tape_id, bar)
            for voice, patience in waiting:
                if patience.bars and symbol in patience.bars:
                    held.catch_up_bars(voice)
                    voice.seen_seq = seq
                    if said := voice.handle(stamp, bar):
                        self._say(voice, stamp, said)
            newest[symbol] = (stamp, bar)
            for voice in steady.get(symbol) or self._steady_readers(lane, bar):
                if said := voice.handle(stamp, bar):
                    self._say(voice, stamp, said)
        self.seq += unread
        held.pass_time(ts_ns, seq + 1)
        for voice, patience in held.timed:
            if ts_ns >= patience.due_ns and (patience.wakes is None or patience.wakes(newest)):
                held.catch_up_bars(voice)
                voice.seen_seq = seq + 1
                cause, clock = held.clock()
                if said := voice.handle(cause, clock):
                    self._say(voice, cause, said)

    def _steady_readers(self, lane: Lane, bar: Bar) -> tuple[Voice, ...]:
        """Return, and remember, who is given every bar of a symbol."""
        readers = self._routes.of(lane, Bar).readers_of(bar)
        found = tuple(voice for voice in readers if not voice.misses_bars)
        self._steady[bar.symbol] = found
        return found

    # The walk.

    def _walk(self) -> None:
        queue = self._queue
        while queue:
            self._give(*queue.popleft())

    def _give(self, stamp: Stamp, message: Message, readers: Sequence[Voice]) -> None:
        held_seq = self._held.seq
        for voice in readers:
            if voice.seen_seq < held_seq:
                self._held.catch_up(voice)
            if said := voice.handle(stamp, message):
                self._say(voice, stamp, said)

    def _say(self, voice: Voice, cause: Stamp, said: tuple[Message, ...]) -> None:
        """Append what one input caused."""
        lane = voice.lane
        if lane is None or cause.seq <= voice.from_seq:
            return
        if self._tape is not None:
            for out in answers(self._tape_id, lane, cause, said):
                self._keep(out)
        ts_ns, tape_id, routes, index = cause.ts_ns, self._tape_id, self._routes, 0
        for message in said:
            seq = self.seq = self.seq + 1
            kind = type(message)
            route = routes.get((lane, kind)) or routes.of(lane, kind)
            route.count += 1
            stamp = LateStamp(seq, ts_ns, lane, "", "", seq, tape_id, message, cause, index)
            if readers := route.readers_of(message):
                self._queue.append((stamp, message, readers))
            index += 1  # noqa: SIM113 - enumerate() makes a tuple each time

    def _stamp(self, lane: Lane, ts_ns: int, message: Message) -> Stamp:
        seq = self.seq = self.seq + 1
        return LateStamp(seq, ts_ns, lane, "", "", seq, self._tape_id, message)

    def _put(self, stamp: Stamp, message: Message) -> None:
        route = self._routes.get((stamp.lane, type(message)))
        if route is None:
            route = self._routes.of(stamp.lane, type(message))
        route.count += 1
        readers = route.readers_of(message)
        if readers:
            self._queue.append((stamp, message, readers))

    def _keep(self, out: Outgoing) -> None:
        if self._tape is not None:
            lane = lane_of(out.subject)
            self._tape.put(out, lane=lane, fence=self._tape.lane_end(lane))
