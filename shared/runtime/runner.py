"""The loop that drives every core, written once.

Recovery is the only start path: from the newest usable snapshot (or the beginning) the inputs
are handled again, silently, and what the core produces is compared with what its lane holds. At
the lane's end whatever is missing is published; from there on outputs go out as they are made.
A second instance, a crash between two outputs and a lost acknowledgement are all the same case:
what another instance put on the lane is compared with what this one made (see `standby`).
"""

import asyncio
from collections import deque
from itertools import takewhile

from shared.core import Stamp
from shared.domain.errors import ensure
from shared.messages.base import Message
from shared.runtime import birth
from shared.runtime.actor import Actor
from shared.runtime.clock import monotonic_s, now_ns
from shared.runtime.instruments import RECOVERING, Instruments
from shared.runtime.sieve import MarketSieve
from shared.runtime.snapshots import SnapshotStore, Snapshotter
from shared.runtime.standby import Role
from shared.runtime.turns import BIRTH, Turns, TurnsOverError
from shared.tape.entry import Entry, Outgoing, answers
from shared.tape.interface import (
    DivergenceError,
    FenceLostError,
    Reader,
    SupersededError,
    Tape,
)
from shared.tape.publisher import LanePublisher
from shared.tape.retention import refuse_half_history

PENDING_MAX = 10_000  # outputs that wait for their turn; then nothing more is handled
SIBLINGS_S = 0.002
IDLE_S = 0.25  # how long the runner waits for a message before it says that it is idle


class Runner:
    """Hosts one actor: birth, recovery, then live, until `stop` or an error.

    `standby_after_s` is how long it leaves the word to another instance of the same actor that
    is due to speak; 0 for one that is configured alone.
    """

    def __init__(
        self,
        actor: Actor,
        tape: Tape,
        turns: Turns,
        instruments: Instruments,
        snapshots: SnapshotStore,
        standby_after_s: float = 0.0,
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
        self._last_word = b""  # what stands at the end of the lane, as far as it is accounted for
        self._siblings_follow = False
        self._stopped = asyncio.Event()
        self._reader: Reader | None = None
        self._role = Role(standby_after_s)

    def stop(self) -> None:
        """End after the message in hand."""
        self._stopped.set()
        self._turns.leave()
        if self._reader is not None:
            self._reader.interrupt()

    async def run(self) -> None:
        """Run until stopped. Raises DivergenceError, InvariantError, in lockstep FenceLostError,
        or the world's errors; every one of them leaves the tape as it was.
        """
        try:
            await self._come_to_be()
            start_seq = max(await self._restore() + 1, self._certificate.built_from)
            await refuse_half_history(self._tape, self._lane, start_seq, now_ns=now_ns())
            patterns = (*self._core.reads, self._lane.fence)
            async with self._tape.reader(patterns, start_seq) as self._reader:
                await self._drive(self._reader)
        except TurnsOverError:
            return  # the next start makes the same outputs and holds them again
        except FenceLostError as error:
            self._instruments.fence_lost(error)
            raise
        except SupersededError as error:
            # Not an end: whoever supervises us would start this release again, and the two would
            # take the lane from each other for ever.
            self._instruments.superseded(error)
            await self._stopped.wait()
            return
        await self._rest()

    async def _drive(self, reader: Reader) -> None:
        while not self._stopped.is_set():
            if len(self._pending) >= PENDING_MAX and not self._is_recovering:
                await self._answer(at_once=True)
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
            self._instruments.beat(self._handled, self._phase, recreations=reader.recreations)
        if not self._pending or self._is_recovering:
            return await reader.next(IDLE_S)
        patience_s = self._role.patience_s(self._now_s())
        return await reader.next(min(max(patience_s, 0.0), IDLE_S))

    @property
    def _is_recovering(self) -> bool:
        """True until the lane's end, as it was at the start, has been read back."""
        return self._seen_own < self._lane_end

    @property
    def _phase(self) -> str:
        if self._is_recovering:
            return RECOVERING
        keeper = self._role if self._actor.sink is None else self._actor.sink
        return "live" if keeper.leads or self._role.is_alone else "standby"

    async def _come_to_be(self) -> None:
        """Be born; another instance that is born at the same moment is as good."""
        while True:
            try:
                await self._be_born()
            except FenceLostError:
                if self._turns.is_exclusive:
                    raise
            else:
                return

    async def _be_born(self) -> None:
        """Make sure that the lane's newest certificate is ours."""
        last = await self._tape.last(self._lane.fence)
        self._check_lane_end(last)
        head = last.seq if last is not None else 0
        self._publisher = LanePublisher(
            self._tape, self._lane, head, self._instruments.waits, self._turns.go
        )
        known = await birth.last_certificate(self._tape, self._actor)
        if known is not None and known[0].seq > head:
            # Another instance was born between the two questions: ask again.
            raise FenceLostError(self._lane, head, known[0].seq)
        mine = birth.certificate(self._actor, 0)
        ts_ns = await self._tape_time_ns()
        if known is None or not birth.is_same_release(known[1], mine):
            await self._turns.wait_for(BIRTH, self._publisher.head)
            built_from = await self._first_to_read(is_new=last is None)
            start = await birth.unanswered_from(self._tape, self._actor, last)
            self._certificate = birth.certificate(self._actor, *start, built_from)
            out = birth.outgoing(self._tape.id, self._actor, self._certificate, ts_ns)
            await self._publisher.publish([out])
            self._born_seq = self._publisher.head
        else:
            self._born_seq, self._certificate = known[0].seq, known[1]
        head = max(self._publisher.head, await self._open(ts_ns))
        self._lane_end = self._publisher.head
        self._compared_seq = self._born_seq  # what an earlier release said is not compared
        self._seen_own = 0
        await self._turns.report(BIRTH, head)

    def _check_lane_end(self, last: Entry | None) -> None:
        """Another instance may have the last word, a stranger may not."""
        if last is not None and not last.fenced:
            # Readers refuse it: whoever wants to read the lane's end would wait for ever.
            raise DivergenceError(
                self._lane, last.seq, f"{_shown(last)} without a cause", "nothing"
            )

    async def _first_to_read(self, *, is_new: bool) -> int:
        """Return where a new release begins to read; HistoryMissingError on a trimmed tape.

        A new strategy needs no history: it begins where the tape does. Everybody else would make
        another state of half of it.
        """
        if is_new and not self._actor.answers_history:
            return (await self._tape.bounds()).trimmed_before
        await refuse_half_history(self._tape, self._lane, 1, now_ns=now_ns())
        return 1

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
        head = await self._tape.get(found.lane_head)
        self._last_word = head.payload if head is not None else b""
        return found.seq

    async def _take_own(self, entry: Entry) -> None:
        if self._is_recovering:
            self._seen_own, self._last_word = entry.seq, entry.payload
        is_anothers = entry.seq > self._publisher.head
        if is_anothers:
            self._give_way(entry)
        if is_anothers or self._compared_seq < entry.seq <= self._lane_end:
            self._compare(entry)
        await self._keep(entry)
        if entry.seq == self._lane_end:
            await self._answer(at_once=True)

    def _give_way(self, entry: Entry) -> None:
        """Another instance has spoken on the lane: it leads, or this release is over."""
        lost = FenceLostError(self._lane, self._publisher.head, entry.seq)
        if self._turns.is_exclusive:
            raise lost
        if entry.subject == f"{self._lane}.state":
            raise SupersededError(self._lane, entry.seq)
        if self._role.leads:
            self._stand_by(lost)
        self._publisher.head, self._last_word = entry.seq, entry.payload

    def _stand_by(self, lost: FenceLostError) -> None:
        self._role.lose()
        self._instruments.fence_lost(lost)

    def _compare(self, entry: Entry) -> None:
        """Check one recorded output against what the core has produced for the same input."""
        self._role.heard()
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
                outputs = birth.still_to_say(outputs, self._certificate)
                self._pending.extend(outputs)
                self._handled = entry.seq
                if not self._is_recovering:
                    # In lockstep it handles on, ahead of its turn: what it reads next does not
                    # depend on what it has said. Only a sink must see outputs on the tape first.
                    await self._answer(at_once=self._actor.sink is not None)
                    handling.answered(outputs)
                    self._instruments.said(said if outputs else ())
        else:
            self._handled = entry.seq
            self._instruments.dropped()
        await self._keep(entry, stamp, message)  # also what was dropped: it stands on the tape
        if not self._pending:
            place = (self._handled, self._accounted_seq, self._last_word)
            self._snapshotter.offer(*place, self._sieve)

    def _handle(self, entry: Entry, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        try:
            return self._core.handle(stamp, message)
        except Exception as error:
            error.add_note(f"while {self._lane} handled message {entry.seq} on {entry.subject}")
            raise

    async def _answer(self, *, at_once: bool) -> None:
        """Publish what is pending, as far as it is this actor's turn; else wait if `at_once`."""
        while self._pending:
            cause = self._pending[0].cause
            if self._turns.granted < cause:
                if not at_once:
                    return
                await self._turns.wait_for(cause, self._publisher.head)
            if not self._may_speak():
                return
            try:
                until = self._turns.granted if self._turns.is_exclusive else cause
                await self._publish_until(until)
            except FenceLostError as lost:
                if self._turns.is_exclusive:
                    raise
                self._check_lane_end(await self._publisher.lane_end())
                self._stand_by(lost)
                return
            # Now, not when idle: whoever conducts waits for this, and the rest may be long.
            await self._turns.report(self._answered, self._publisher.head)

    async def _publish_until(self, cause: int) -> None:
        outs = list(takewhile(lambda out: out.cause <= cause, self._pending))
        started_s, before = monotonic_s(), self._publisher.recorded
        try:
            if self._turns.is_exclusive:
                await self._publisher.publish_run(outs)
            else:
                await self._publisher.publish(outs)
        finally:
            for _ in range(self._publisher.recorded - before):
                self._last_word = self._pending.popleft().payload
        if not self._role.leads:
            self._role.win()
            self._instruments.took_over()
        self._instruments.published(outs, monotonic_s() - started_s)

    def _may_speak(self) -> bool:
        """Tell whether it is on this instance to publish what is due."""
        is_behind = self._reader is not None and not self._reader.is_idle
        # A shadow that has this much to say has read far beyond a leader that says nothing: it
        # tries, and the fence decides.
        is_behind = is_behind and len(self._pending) < PENDING_MAX
        return self._role.may_speak(self._now_s(), is_behind=is_behind)

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()

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
            place = (self._handled, self._accounted_seq, self._last_word)
            await self._snapshotter.keep(*place, self._sieve)


def _shown(what: Entry | Outgoing) -> str:
    text = what.payload.decode(errors="replace")
    return f"{what.subject} (cause {what.cause}, {what.index + 1} of {what.count}) {text}"
