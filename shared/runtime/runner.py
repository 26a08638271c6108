"""The loop that drives every core, written once.

Recovery is the only start path: from the newest usable snapshot (or the beginning) the inputs
are handled again, silently, and what the core produces is compared with what its lane holds. At
the lane's end whatever is missing is published; from there on outputs go out as they are made.
A second instance, a crash between two outputs and a lost acknowledgement are all the same case.
"""

from collections import deque
from itertools import takewhile

from shared.core import Stamp
from shared.domain.errors import ensure
from shared.messages.base import Message
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.clock import monotonic_s
from shared.runtime.instruments import Instruments
from shared.runtime.sieve import MarketSieve
from shared.runtime.snapshots import SnapshotStore, Snapshotter
from shared.runtime.turns import BIRTH, Turns, TurnsOverError
from shared.tape.entry import Entry, Outgoing, answers
from shared.tape.interface import DivergenceError, FenceLostError, Reader, Tape
from shared.tape.publisher import LanePublisher

SIBLINGS_S = 0.002
IDLE_S = 0.25  # how long the runner waits for a message before it says that it is idle


class Runner:
    """Hosts one actor: birth, recovery, then live, until `stop` or an error."""

    def __init__(
        self,
        actor: Actor,
        tape: Tape,
        turns: Turns,
        instruments: Instruments,
        snapshots: SnapshotStore,
    ) -> None:
        self._actor = actor
        self._core = actor.core
        self._lane = actor.core.lane
        self._tape = tape
        self._turns = turns
        self._instruments = instruments
        self._snapshotter = Snapshotter(snapshots, tape.id, actor)
        self._pending: deque[Outgoing] = deque()
        self._sieve = MarketSieve()
        self._handled = 0
        self._siblings_follow = False
        self._stopping = False
        self._reader: Reader | None = None

    def stop(self) -> None:
        """End after the message in hand."""
        self._stopping = True
        self._turns.leave()
        if self._reader is not None:
            self._reader.interrupt()

    async def run(self) -> None:
        """Run until stopped. Raises FenceLostError, DivergenceError, InvariantError, or the
        world's errors; every one of them leaves the tape as it was.
        """
        try:
            await self._be_born()
            start_seq = await self._restore() + 1
            patterns = (*self._core.reads, self._lane.fence)
            async with self._tape.reader(patterns, start_seq) as self._reader:
                await self._drive(self._reader)
        except TurnsOverError:
            return  # the next start makes the same outputs and holds them again
        except FenceLostError as error:
            self._instruments.fence_lost(error)
            raise
        await self._rest()

    async def _drive(self, reader: Reader) -> None:
        while not self._stopping:
            entry = await self._next(reader)
            if entry is None:
                continue
            self._siblings_follow = entry.index + 1 < entry.count
            if entry.lane == self._lane:
                await self._take_own(entry)
            else:
                await self._take_input(entry)

    async def _next(self, reader: Reader) -> Entry | None:
        """Return what comes next; while waiting for it, say how far this actor is."""
        if reader.is_idle and self._siblings_follow:
            # The rest of a slice is on its way, and one report for all of it is enough:
            # reports were a quarter of what a lockstep run costs.
            entry = await reader.next(SIBLINGS_S)
            if entry is not None:
                return entry
        if reader.is_idle:
            if not self._is_recovering:
                await self._answer(at_once=True)
                await self._turns.report(self._answered, self._publisher.head)
            self._instruments.beat(
                self._handled, recovering=self._is_recovering, recreations=reader.recreations
            )
        return await reader.next(IDLE_S)

    @property
    def _is_recovering(self) -> bool:
        """True until the lane's end, as it was at the start, has been read back."""
        return self._seen_own < self._lane_end

    async def _be_born(self) -> None:
        """Make sure that the lane's newest certificate is ours."""
        last = await self._tape.last(self._lane.fence)
        if last is not None and not last.fenced:
            # Readers refuse it: recovery would wait for ever to read the lane's end back.
            raise DivergenceError(
                self._lane, last.seq, f"{_shown(last)} without a cause", "nothing"
            )
        self._publisher = LanePublisher(self._tape, self._lane, last.seq if last else 0)
        known = await birth.last_certificate(self._tape, self._actor)
        mine = birth.certificate(self._actor, 0)
        ts_ns = await self._tape_time_ns()
        if known is None or not birth.is_same_release(known[1], mine):
            await self._turns.wait_for(BIRTH, self._publisher.head)
            from_seq = await birth.from_seq_of(self._tape, self._actor, last)
            mine = birth.certificate(self._actor, from_seq)
            await self._publisher.publish([birth.outgoing(self._tape.id, self._actor, mine, ts_ns)])
            self._born_seq, self._from_seq = self._publisher.head, from_seq
        else:
            self._born_seq, self._from_seq = known[0].seq, known[1].from_seq
        head = max(self._publisher.head, await self._open(ts_ns))
        self._lane_end = self._publisher.head
        self._compared_seq = self._born_seq  # what an earlier release said is not compared
        self._seen_own = 0
        await self._turns.report(BIRTH, head)

    async def _open(self, ts_ns: int) -> int:
        """Say the openings that are not on the tape yet; return the last one's sequence."""
        end = 0
        for out in birth.openings(self._tape.id, self._actor, ts_ns):
            said = await self._tape.last(out.subject)
            if said is None:
                end = await self._tape.tell(out, once_id=out.subject)
        return end

    async def _tape_time_ns(self) -> int:
        end = await self._tape.get((await self._tape.bounds()).last)
        return end.open()[0].ts_ns if end is not None else 0

    async def _restore(self) -> int:
        """Take over the newest usable snapshot; return the sequence it stands at, 0 for none."""
        found = await self._snapshotter.restore(self._tape, self._lane_end)
        if found is None:
            return 0
        self._handled = found.seq
        self._seen_own = found.lane_head
        self._compared_seq = max(self._born_seq, found.lane_head)
        self._sieve = MarketSieve(dict(found.sieve))
        return found.seq

    async def _take_own(self, entry: Entry) -> None:
        self._seen_own = max(self._seen_own, entry.seq)
        if entry.seq > self._publisher.head:
            raise FenceLostError(self._lane, self._publisher.head, entry.seq)
        if self._compared_seq < entry.seq <= self._lane_end:
            self._compare(entry)
        await self._keep(entry)
        if entry.seq == self._lane_end:
            await self._answer(at_once=True)

    def _compare(self, entry: Entry) -> None:
        """Check one recorded output against what the core just produced again."""
        produced = self._pending.popleft() if self._pending else None
        if produced is None or not produced.is_recorded_as(entry):
            shown = "nothing" if produced is None else _shown(produced)
            raise DivergenceError(self._lane, entry.seq, _shown(entry), shown)

    async def _take_input(self, entry: Entry) -> None:
        ensure(
            entry.seq > self._handled,
            "INV-ONCE",
            f"{self._lane} was handed message {entry.seq} after {self._handled}",
        )
        stamp, message = entry.open()
        if self._sieve.lets_through(entry, stamp.ts_ns):
            with self._instruments.handling(stamp, entry) as handling:
                said = self._handle(entry, stamp, message)
                self._instruments.handled(entry)
                outputs = answers(self._tape.id, self._lane, stamp, said) if said else ()
                self._pending.extend(outputs)
                self._handled = entry.seq
                if not self._is_recovering:
                    # In lockstep it handles on, ahead of its turn: what it reads next does not
                    # depend on what it has said. Only a sink must see outputs on the tape first.
                    await self._answer(at_once=self._actor.sink is not None)
                    handling.answered(outputs)
                    self._instruments.said(said)
        else:
            self._handled = entry.seq
            self._instruments.dropped()
        await self._keep(entry, stamp, message)  # also what was dropped: it stands on the tape
        if not self._pending:
            self._snapshotter.offer(self._handled, self._accounted_seq, self._sieve)

    def _handle(self, entry: Entry, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        try:
            said = self._core.handle(stamp, message)
        except Exception as error:
            error.add_note(f"while {self._lane} handled message {entry.seq} on {entry.subject}")
            raise
        # History builds state, it is not answered.
        return said if entry.seq > self._from_seq else ()

    async def _answer(self, *, at_once: bool) -> None:
        """Publish what is pending, as far as it is this actor's turn; else wait if `at_once`."""
        while self._pending:
            cause = self._pending[0].cause
            if self._turns.granted < cause:
                if not at_once:
                    return
                await self._turns.wait_for(cause, self._publisher.head)
            await self._publish_until(self._turns.granted if self._turns.is_exclusive else cause)
            # Now, not when idle: whoever conducts waits for this, and the rest may be long.
            await self._turns.report(self._answered, self._publisher.head)

    async def _publish_until(self, cause: int) -> None:
        outs = list(takewhile(lambda out: out.cause <= cause, self._pending))
        started_s = monotonic_s()
        if self._turns.is_exclusive:
            await self._publisher.publish_run(outs)
        else:
            await self._publisher.publish(outs)
        for _ in outs:
            self._pending.popleft()
        self._instruments.published(outs, monotonic_s() - started_s)

    @property
    def _answered(self) -> int:
        """The sequence up to which every input is handled and every output is on the tape."""
        return self._pending[0].cause - 1 if self._pending else self._handled

    @property
    def _accounted_seq(self) -> int:
        """The part of the lane that answers what is handled, for a snapshot.

        In recovery the rest of the lane answers inputs still to come: whoever took it for
        answered would publish it once more.
        """
        return self._seen_own if self._is_recovering else self._publisher.head

    async def _keep(
        self, entry: Entry, stamp: Stamp | None = None, message: Message | None = None
    ) -> None:
        if self._actor.sink is not None:
            if stamp is None or message is None:
                stamp, message = entry.open()
            await self._actor.sink.handled(stamp, message, entry.payload)

    async def _rest(self) -> None:
        """Leave in order: what is derived is stored, what is known is kept for the next start."""
        if self._actor.sink is not None:
            await self._actor.sink.flush()
        if not self._pending:
            await self._snapshotter.keep(self._handled, self._accounted_seq, self._sieve)


def _shown(what: Entry | Outgoing) -> str:
    text = what.payload.decode(errors="replace")
    return f"{what.subject} (cause {what.cause}, {what.index + 1} of {what.count}) {text}"
