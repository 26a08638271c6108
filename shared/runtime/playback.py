"""Blocks of bars, played into a desk in one process: what a backtest spends its time with.

Most bars are the newest price to everybody but a strategy, and mean nothing to that. So they are
held back from patient cores (`shared.core.PatientCore`), and a core that can take many in one call
(`RunningCore`) is given runs of them, as long as nobody else must see one of the slices. What
comes of it is what `Drain.play` makes of the same slices, message for message, once `settle` was
called.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import count
from operator import attrgetter

from msgspec.structs import replace

from shared.core import Patience, Stamp
from shared.domain.errors import ensure
from shared.messages.base import Message
from shared.messages.market import Bar, Clock
from shared.runtime.drain import Drain
from shared.runtime.routes import HandleRun, Voice
from shared.runtime.source import Block, Blocks
from shared.runtime.stamps import LateStamp
from shared.subjects import Lane

BARS_PER_REPORT = 16_384
# How many slices a run is given: what is prepared for it is for nothing if it ends soon.
AHEAD_MIN, AHEAD_MAX = 64, 1_024

_symbol_of = attrgetter("symbol")

type _Runner = tuple[Voice, HandleRun]
type _Said = tuple[Voice, tuple[Message, ...]]


class BarRun:
    """A run (`shared.core.Run`): rows of a block from `row` on, `base` messages before it."""

    __slots__ = ("_base", "_block", "_feed", "_made", "_row", "bars", "times_ns")

    def __init__(self, feed: "Feed", block: Block, row: int, end: int, base: int) -> None:
        self._feed, self._block, self._row, self._base = feed, block, row, base
        self.bars = block.bars[row:end]
        self.times_ns = block.bar_ts_ns[row:end]
        self._made: tuple[int, Stamp] | None = None

    def stamp(self, place: int) -> Stamp:
        """Return the stamp of the bar at a place; of the last one, three ask."""
        made = self._made
        if made is None or made[0] != place:
            stamp = self._feed.stamp_of_row(self._block, self._row + place, self._base)
            self._made = made = (place, stamp)
        return made[1]

    def newest(self, taken: int) -> Iterable[int]:
        """Return the place of each symbol's newest bar among the first `taken`."""
        if len(self._block.symbols) == 1:
            return (taken - 1,)
        return dict(zip(map(_symbol_of, self.bars[:taken]), count(), strict=False)).values()

    def stamps(self) -> Iterator[Stamp]:
        """Yield the stamps of all bars of a run that begins where a slice does."""
        block, row, feed = self._block, self._row, self._feed
        last, lane, tape_id = row + len(self.bars), feed.lane, feed.tape_id
        place = bisect_right(block.first, row) - 1
        while row < last:
            end, ts_ns = block.first[place + 1], block.ts_ns[place]
            seq = self._base + block.offsets[place]
            for bar in block.bars[row:end]:
                seq += 1
                yield LateStamp(seq, ts_ns, lane, "", "", seq, tape_id, bar)
            row, place = end, place + 1


class Feed:
    """The lane whose bars are played, and the stamps of what stands on it."""

    def __init__(self, lane: Lane, tape_id: str) -> None:
        self.lane = lane
        self.tape_id = tape_id

    def stamp(self, seq: int, ts_ns: int, message: Message) -> Stamp:
        """Return the stamp of one message."""
        return LateStamp(seq, ts_ns, self.lane, "", "", seq, self.tape_id, message)

    def stamp_of_row(self, block: Block, row: int, base: int) -> Stamp:
        """Return the stamp of a bar of a block that has `base` messages before it."""
        first = block.first
        place = bisect_right(first, row) - 1
        seq = base + block.offsets[place] + row - first[place] + 1
        return self.stamp(seq, block.ts_ns[place], block.bars[row])


class Playback:
    """One source of blocks, played into a drain that keeps no tape."""

    def __init__(self, drain: Drain, lane: Lane, blocks: Blocks) -> None:
        ensure(not drain.keeps, "INV-PATIENCE", "what is held back would not be on the tape")
        self._drain = drain
        self._held = drain.held
        self._blocks = blocks
        self._feed = Feed(lane, drain.tape_id)
        self._routes = drain.routes[lane]
        self._bars, self._clocks = self._routes[Bar], self._routes[Clock]
        self._steady: dict[str, tuple[Voice, ...]] = {}
        self._runner: _Runner | None = None
        self._ahead = AHEAD_MIN
        self._held.attend(lane, blocks.clock)
        self._may_run = all(voice.is_patient for voice, _ in self._held.timed)

    def newest_price(self, symbol: str) -> float | None:
        """Return the close of a symbol's newest bar, of those that were played."""
        found = self._held.bars.get(symbol)
        return None if found is None else found[1].close

    def settle(self) -> None:
        """Give every core what was held back from it."""
        self._held.settle()

    def play(self) -> Iterator[tuple[int, int]]:
        """Play everything; yield (slices played, time) after what had consequences, and now and
        then. Whoever stops between two stands at the end of a slice.
        """
        drain, count, told = self._drain, 0, 0
        for block in self._blocks:
            if not count:
                self._find_readers(block)
            place, slices = 0, len(block.ts_ns)
            turns = iter((*block.turns, slices))
            turn = next(turns)
            before = self._bars.count
            while place < slices:
                if place == turn or not count:
                    self._play_whole(block, place)
                    turn = next(turns) if place == turn else turn
                    after = place + 1
                else:
                    after = self._play_on(block, place, turn)
                count += after - place
                self._clocks.count = count
                self._bars.count = before + block.first[after]
                place = after
                if drain.walk() or self._bars.count - told > BARS_PER_REPORT:
                    told = self._bars.count
                    yield count, block.ts_ns[place - 1]

    def _play_whole(self, block: Block, place: int) -> None:
        """Give everybody everything."""
        drain, held, feed = self._drain, self._held, self._feed
        held.settle()
        ts_ns, seq = block.ts_ns[place], drain.seq
        bars = block.bars[block.first[place] : block.first[place + 1]]
        actions = block.actions.get(place, ())
        drain.seq += len(actions) + len(bars) + 1
        clock_seq = drain.seq
        for message in (*actions, *bars):
            seq += 1
            stamp = feed.stamp(seq, ts_ns, message)
            if isinstance(message, Bar):
                held.bars[message.symbol] = (stamp, message)
            drain.give(stamp, message, self._routes[type(message)].readers_of(message))
        drain.seq += block.offsets[place + 1] - _clock_offset(block, place)
        clock = self._blocks.clock(ts_ns)
        drain.give(feed.stamp(clock_seq, ts_ns, clock), clock, self._clocks.readers_of(clock))
        held.all_have_seen(ts_ns, clock_seq)

    def _play_on(self, block: Block, place: int, turn: int) -> int:
        """Play slices from `place` on, at most up to `turn`; return where it stopped."""
        base, row = self._drain.seq - block.offsets[place], block.first[place]
        end = place
        if self._may_run:
            end = self._calm_until(block, place, min(turn, place + self._ahead))
        if end == place:
            self._drain.seq = base + _clock_offset(block, place)
            self._finish(block, place, row, base)
            return place + 1
        run = BarRun(self._feed, block, row, block.first[end], base)
        taken, said = self._give_run(run)
        self._ahead = AHEAD_MIN if said else min(2 * self._ahead, AHEAD_MAX)
        if taken:
            for found in run.newest(taken):
                bar = run.bars[found]
                self._held.bars[bar.symbol] = (run.stamp(found), bar)
            row += taken
            place = bisect_right(block.first, row - 1) - 1
        self._drain.seq = base + _clock_offset(block, place)
        for voice, messages in said:
            self._drain.say(voice, run.stamp(taken - 1), messages)
        self._finish(block, place, row, base)
        return place + 1

    def _give_run(self, run: BarRun) -> tuple[int, list[_Said]]:
        """Give bars to all who want every one, up to the first that is answered, or at which one
        of them may wait for a clock; return how many, and what was said to the last of them.
        """
        if self._runner is not None:
            voice, handle_run = self._runner
            taken, messages = handle_run(run)
            return taken, [(voice, messages)] if messages else []
        said: list[_Said] = []
        steady, taken, is_over = self._steady, 0, False
        for bar, stamp in zip(run.bars, run.stamps(), strict=False):
            taken += 1
            for voice in steady[bar.symbol]:
                if messages := voice.handle(stamp, bar):
                    said.append((voice, messages))
                is_over |= voice.patience.due_ns <= stamp.ts_ns
            if said or is_over:
                break
        return taken, said

    def _finish(self, block: Block, place: int, row: int, base: int) -> None:
        """Play a slice from one of its rows on: the bars to who wants every one or waits for this
        one, and the clock to whom it is due.
        """
        drain, held, lane, tape_id = self._drain, self._held, self._feed.lane, self._feed.tape_id
        newest, waiting, steady = held.bars, held.waiting, self._steady
        ts_ns = block.ts_ns[place]
        seq = base + block.offsets[place] + row - block.first[place]
        for bar in block.bars[row : block.first[place + 1]]:
            seq += 1
            symbol = bar.symbol
            stamp = LateStamp(seq, ts_ns, lane, "", "", seq, tape_id, bar)
            for voice, patience in waiting:
                if patience.bars and symbol in patience.bars:
                    held.catch_up_bars(voice)
                    voice.seen_seq = seq
                    if said := voice.handle(stamp, bar):
                        drain.say(voice, stamp, said)
            newest[symbol] = (stamp, bar)
            for voice in steady[symbol]:
                if said := voice.handle(stamp, bar):
                    drain.say(voice, stamp, said)
        drain.seq += block.offsets[place + 1] - (seq + 1 - base)
        held.pass_time(ts_ns, seq + 1)
        self._tell_time(block, place, seq + 1)

    def _tell_time(self, block: Block, place: int, clock_seq: int) -> None:
        """Give the clock of a slice to whom it is due."""
        drain, held, ts_ns = self._drain, self._held, block.ts_ns[place]
        for voice, patience in held.timed:
            if ts_ns >= patience.due_ns and self._is_roused(patience, block, place):
                if voice.misses_bars:
                    held.catch_up_bars(voice)
                voice.seen_seq = clock_seq
                cause, clock = held.clock()
                if said := voice.handle(cause, clock):
                    drain.say(voice, cause, said)

    def _is_roused(self, patience: Patience, block: Block, place: int) -> bool:
        """Tell whether a clock that is due must come."""
        wakes, bounds = patience.wakes, patience.bounds
        if wakes is None:
            return True
        if bounds is not None and block.first_outside(place, place + 1, bounds) > place:
            return False
        return wakes(self._held.bars)

    def _calm_until(self, block: Block, begin: int, end: int) -> int:
        """Return the first slice from `begin` on that others than the runner may have to see."""
        held, ts_ns = self._held, block.ts_ns
        if any(patience.bars for _, patience in held.waiting):
            return begin
        for _, patience in held.timed:
            if patience.wakes is None:
                end = bisect_left(ts_ns, patience.due_ns, begin, end)
            elif patience.due_ns <= ts_ns[end - 1]:
                if patience.bounds is None and patience.wakes(held.bars):
                    return begin
                if patience.bounds is not None:
                    end = block.first_outside(begin, end, patience.bounds)
                elif patience.due_ns <= ts_ns[end - 1]:
                    return begin
            if end == begin:
                break
        return end

    def _find_readers(self, block: Block) -> None:
        """Look up who is given every bar; one core alone may be able to take many at once."""
        for symbol in block.symbols:
            readers = self._bars.readers_of(replace(block.bars[0], symbol=symbol))
            self._steady[symbol] = tuple(voice for voice in readers if not voice.misses_bars)
        all_readers = set(self._steady.values())
        if len(all_readers) == 1 and len(alone := all_readers.pop()) == 1 and alone[0].handle_run:
            self._runner = (alone[0], alone[0].handle_run)


def _clock_offset(block: Block, place: int) -> int:
    """Return how many messages of a block stand before and in a slice, its clock included."""
    bars = block.first[place + 1] - block.first[place]
    return block.offsets[place] + len(block.actions.get(place, ())) + bars + 1
