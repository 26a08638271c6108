"""Plays a source onto the tape: fenced, whole slices, from where the lane ends.

At full speed it does so in lockstep, with a conductor that lets everybody handle a slice before
the next is published. Otherwise slices go out by event time, `speed` times as fast; closed time
is skipped, so that a night takes a second at any speed. Then a second instance may stand by: it
plays the same source, and publishes a slice that the first is late with.
"""

import asyncio
from collections.abc import Iterator, Sequence

from nats.aio.client import Client
from structlog.typing import FilteringBoundLogger

from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S
from shared.messages.market import Bar
from shared.runtime.conductor import Conductor
from shared.runtime.source import Source, TimeSlice
from shared.runtime.standby import Role
from shared.subjects import Lane
from shared.tape.entry import Outgoing, fact
from shared.tape.interface import FenceLostError, Tape
from shared.tape.publisher import LanePublisher

MAX_SPEED = "max"
GAP_MAX_S = 3_600.0  # event time without data that counts as closed
GAP_WAIT_S = 1.0
LATE_MAX_S = 5.0  # further behind than this the schedule starts anew instead of catching up
LOOK_S = 0.05  # how often a standby looks how far the lane is


def speed_of(text: str) -> float | None:
    """Return how many times faster than event time, None for as fast as possible."""
    if text == MAX_SPEED:
        return None
    try:
        speed = float(text.removesuffix("x"))
    except ValueError:
        speed = 0.0
    if not text.endswith("x") or not 0 < speed < float("inf"):
        raise ConfigurationError(f"speed {text!r}: 'max' or a factor such as '60x' is expected")
    return speed


def slice_facts(tape_id: str, lane: Lane, part: TimeSlice) -> list[Outgoing]:
    """Give every message of a slice its head. The same slice makes the same facts."""
    count = len(part.messages)
    made = []
    for index, message in enumerate(part.messages):
        key = f"{type(message).__name__}/{getattr(message, 'symbol', '')}/{part.ts_ns}"
        out = fact(tape_id, lane, message, ts_ns=part.ts_ns, key=key, index=index, count=count)
        made.append(out)
    return made


class Pace:
    """When each slice is due, in the event loop's seconds."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._before_ns = 0
        self._due_s = asyncio.get_running_loop().time()

    def aim(self, ts_ns: int) -> None:
        """Take up the next slice."""
        gap_s = (ts_ns - self._before_ns) / NS_PER_S if self._before_ns else 0.0
        self._before_ns = ts_ns
        self._due_s += GAP_WAIT_S if gap_s > GAP_MAX_S else gap_s / self._speed
        if self.wait_s() < -LATE_MAX_S:
            self.start_anew()

    def wait_s(self) -> float:
        """Return how long it is until the slice is due; negative when it is late."""
        return self._due_s - asyncio.get_running_loop().time()

    def start_anew(self) -> None:
        """Count from now: somebody else has just published the slice, or we are far behind."""
        self._due_s = asyncio.get_running_loop().time()


class FeedPlayer:
    """The one writer of a feed's lane.

    A slice may stand on the tape in part after a crash; the next start completes it.

    `participants` are the lanes that must have handled a slice before the next one; only used at
    speed "max". `standby_after_s` is how late the leading instance may be before this one takes
    over; 0 for one that is alone. `played_ns` and `bars` say how far it is, for health and
    progress.
    """

    def __init__(
        self,
        *,
        tape: Tape,
        client: Client,
        lane: Lane,
        source: Source,
        speed: str,
        participants: Sequence[str],
        log: FilteringBoundLogger,
        standby_after_s: float = 0.0,
    ) -> None:
        self._tape = tape
        self._client = client
        self._lane = lane
        self._source = source
        self._speed = speed_of(speed)
        self._participants = participants
        self._log = log
        self._role = Role(standby_after_s)
        self.played_ns = 0
        self.bars = 0

    async def run(self) -> None:
        """Play until the source is exhausted; continue where the lane ends."""
        last = await self._tape.last(self._lane.fence)
        self._publisher = LanePublisher(self._tape, self._lane, last.seq if last else 0)
        after_ns, skip, start_seq = -1, 0, 1
        if last is not None:
            played_ns = last.open()[0].ts_ns
            start_seq = last.seq - last.index
            whole = last.index + 1 == last.count
            # A slice above the size of one batch may stand on the tape in part.
            after_ns, skip = (played_ns, 0) if whole else (played_ns - 1, last.index + 1)
            self._log.info("feed continues", lane=str(self._lane), after_ns=after_ns)
        parts = self._source.slices(after_ns)
        if self._speed is None:
            await self._play_in_lockstep(parts, skip, start_seq)
        else:
            await self._play_by_time(parts, skip, self._speed)
        self._log.info("feed ended", lane=str(self._lane), bars=self.bars)

    async def _play_in_lockstep(
        self, parts: Iterator[TimeSlice], skip: int, start_seq: int
    ) -> None:
        async with Conductor(self._client, self._tape, self._participants, start_seq) as conductor:
            if skip and (rest := next(parts, None)) is not None:
                # A slice cut by a crash is whole again before anybody gets a turn.
                await self._publish(rest, skip)
            await conductor.gather()
            await conductor.walk((await self._tape.bounds()).last)
            for part in parts:
                await self._publish(part, 0)
                await conductor.walk(self._publisher.head)

    async def _play_by_time(self, parts: Iterator[TimeSlice], skip: int, speed: float) -> None:
        pace = Pace(speed)
        for part in parts:
            pace.aim(part.ts_ns)
            await self._say(part, skip, pace)
            skip = 0

    async def _say(self, part: TimeSlice, skip: int, pace: Pace) -> None:
        """Publish a slice when it is due; as a standby only when nobody else does."""
        while True:
            if not (self._role.leads or self._role.is_alone):
                skip = await self._count_said(part)
                if skip == len(part.messages):
                    self._role.heard()
                    pace.start_anew()
                    self._note(part)
                    return
            wait_s = pace.wait_s()
            if wait_s > 0:
                await asyncio.sleep(wait_s if self._role.leads else min(wait_s, LOOK_S))
            elif not self._role.may_speak(asyncio.get_running_loop().time(), is_behind=False):
                await asyncio.sleep(LOOK_S)
            elif await self._has_published(part, skip):
                return

    async def _has_published(self, part: TimeSlice, skip: int) -> bool:
        try:
            await self._publish(part, skip)
        except FenceLostError as error:
            self._role.lose()
            self._log.warning("feed stands by", lane=str(self._lane), why=str(error))
            return False
        if not self._role.leads:
            self._role.win()
            self._log.info("feed leads", lane=str(self._lane))
        return True

    async def _count_said(self, part: TimeSlice) -> int:
        """Return how many of a slice's messages the other instance has published."""
        last = await self._publisher.lane_end()
        if last is None:
            return 0
        self._publisher.head = last.seq
        said_ns = last.open()[0].ts_ns
        if said_ns == part.ts_ns:
            return last.index + 1
        return len(part.messages) if said_ns > part.ts_ns else 0

    async def _publish(self, part: TimeSlice, skip: int) -> None:
        outs = slice_facts(self._tape.id, self._lane, part)
        if self._speed is None:  # in lockstep everybody else is silent now
            await self._publisher.publish_run(outs[skip:])
        else:
            await self._publisher.publish(outs[skip:])
        self._note(part)

    def _note(self, part: TimeSlice) -> None:
        self.played_ns = part.ts_ns
        self.bars += sum(isinstance(message, Bar) for message in part.messages)
