"""One round: a desk, a market, operators, and everything that befalls them, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from random import Random
from typing import Any, cast

from nats.aio.client import Client

from services.ledger.adapters.postgres import PostgresSink
from services.ledger.adapters.writer import Writer
from services.ledger.assembly import ledger_actor
from services.ledger.config import WriterSettings
from services.ledger.core import LedgerCore
from shared.domain.errors import UnavailableError
from shared.runtime.actor import Actor
from shared.runtime.feed import FeedPlayer, slice_facts
from shared.runtime.runner import Runner
from shared.runtime.source import TimeSlice
from shared.runtime.turns import AtOnce
from shared.subjects import lane
from shared.tape.entry import Outgoing
from shared.tape.interface import NoVerdictError
from tests.simulation.cast import TAPE_ID, Maker, desk_of, makers_of
from tests.simulation.keeping import Attic, Database, SimSnapshots, SimWriter
from tests.simulation.link import Link
from tests.simulation.log import SYNC_S, WINDOW_S, Log
from tests.simulation.market import SimSource, market
from tests.simulation.operators import Operator, plan
from tests.simulation.processes import Process
from tests.simulation.quiet import Quiet
from tests.simulation.seams import Change, VirtualTime
from tests.simulation.weather import Weather

FEED = lane("data", "file")
STANDBY_S = 0.25
QUIET_S = 4.5  # nothing new for so long, which is longer than anybody is stopped
SETTLE_S_MAX = 90.0
WRITER = WriterSettings(batch_events_max=8, flush_ms=5, trail_ms=20, queue_events_max=32)


class StuckError(AssertionError):
    """The faults are over, and the desk does not come to rest."""


class World:
    """Everything of one round. `minutes` of market, a slice every `slice_s` virtual seconds."""

    def __init__(self, seed: int, minutes: int = 24) -> None:
        draw = self.draw = Random(seed)
        self.seed = seed
        self.weather = Weather(Random(draw.random()))
        self.log = Log(TAPE_ID)
        self.log.window_s = draw.choice((WINDOW_S, 0.05))
        self.attic = Attic(self.weather)
        self.database = Database(self.log)
        self.desk = desk_of(draw)
        self.makers = makers_of(self.desk)
        self.parts: Sequence[TimeSlice] = market(draw, draw.randint(4, minutes))
        self.slice_s = draw.choice((0.02, 0.1, 0.4))
        self.is_live = draw.random() < 0.4  # two unfenced feeds side by side, or a fenced one
        self.snapshot_every = draw.choice((7, 25, 10**9))
        self.processes: list[Process] = []
        self.feeds: list[Process] = []
        self.faulty: list[Change] = []
        self.runner_class = Runner

    @property
    def duration_s(self) -> float:
        """About how long the market lasts."""
        return self.slice_s * len(self.parts) + 2.0

    async def play(self, time: VirtualTime) -> None:
        """Play the round to its end; raise what no process may end with."""
        time.now_s = asyncio.get_running_loop().time
        async with asyncio.TaskGroup() as group:
            for lane_name, maker in self.makers.items():
                self._start(group, lane_name, partial(self._host, maker))
            self._start(group, "ledger.main", self._host_ledger)
            self._start_more(group)
            feeds = self._start_feeds(group)
            faults = [
                group.create_task(self._haunt()),
                group.create_task(self._operate()),
            ]
            for task in feeds:
                await asyncio.wait([task])
            await asyncio.wait([faults[1]])
            faults[0].cancel()
            await self._come_to_rest()
            for process in self.processes:
                process.end()

    def _start(
        self,
        group: asyncio.TaskGroup,
        name: str,
        body: Callable[..., Awaitable[None]],
        *,
        always_two: bool = False,
    ) -> list[asyncio.Task[None]]:
        """Start one process of a kind, or two, knowing of each other or not."""
        draw = self.draw
        count = 2 if always_two or draw.random() < 0.3 else 1
        standby_s = STANDBY_S if count == 2 and draw.random() < 0.8 else 0.0
        tasks = []
        for number in range(count):
            process = Process(f"{name}#{number + 1}", self.weather)
            self.processes.append(process)
            of_life = partial(body, standby_s=standby_s)
            tasks.append(group.create_task(process.supervise(of_life)))
        return tasks

    # What the processes do.

    async def _host(self, maker: Maker, process: Process, standby_s: float) -> None:
        await self._run(process, maker(), standby_s, [])

    async def _host_ledger(self, process: Process, standby_s: float) -> None:
        core = LedgerCore(self.desk.ledger.books, self.desk.book, keeps_rows=True)
        writer = cast("Writer", SimWriter(self.database, process, self.weather))
        sink = PostgresSink(writer, WRITER, core.take_rows, standby_s)
        link = Link(self.log, process, self.weather)

        async def tape_end() -> int:
            return (await link.bounds()).last

        await sink.open(tape_end)
        actor = ledger_actor(core, self.desk.ledger.books, sink)
        await self._run(process, actor, standby_s, [sink.run])

    async def _run(
        self,
        process: Process,
        actor: Actor,
        standby_s: float,
        beside: list[Callable[[], Awaitable[None]]],
    ) -> None:
        link = Link(self.log, process, self.weather)
        snapshots = SimSnapshots(self.attic, process)
        quiet = Quiet(self.weather.counts)
        runner = self.runner_class(actor, link, AtOnce(), quiet, snapshots, standby_s)
        process.on_stop(runner.stop)
        async with asyncio.TaskGroup() as group:
            helpers = [group.create_task(_as_coroutine(one)) for one in (snapshots.run, *beside)]
            await runner.run()
            for helper in helpers:
                helper.cancel()

    def _start_feeds(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        if self.is_live:
            tasks = self._start(group, "feed", self._speak_live, always_two=True)
        else:
            tasks = self._start(group, "feed", self._play_file)
        self.feeds = self.processes[-len(tasks) :]
        return tasks

    async def _play_file(self, process: Process, standby_s: float) -> None:
        """The real player of a file, fenced; it ends with its source."""
        player = FeedPlayer(
            tape=Link(self.log, process, self.weather),
            client=cast("Client", None),  # only lockstep needs one
            lane=FEED,
            source=SimSource(self.parts),
            speed=f"{60 / self.slice_s:f}x",
            participants=(),
            log=cast("Any", _Silent()),
            standby_after_s=standby_s,
        )
        await player.run()
        process.end()

    async def _speak_live(self, process: Process, standby_s: float) -> None:
        """A live feed as several instances send it: unfenced, each message under its own id."""
        link, loop = Link(self.log, process, self.weather), asyncio.get_running_loop()
        for number, part in enumerate(self.parts):
            await asyncio.sleep(max(number * self.slice_s - loop.time(), 0.0))
            if loop.time() - number * self.slice_s > self.slice_s and process.lives > 1:
                continue  # a venue does not say again what was said while nobody listened
            for out in slice_facts(TAPE_ID, FEED, part):
                await self._tell(link, Outgoing(out.subject, out.payload, 0, 0, 1))
        process.end()

    async def _tell(self, link: Link, out: Outgoing) -> None:
        for _ in range(5):
            try:
                await link.tell(out, once_id=out.payload.decode())
            except (UnavailableError, NoVerdictError):
                await asyncio.sleep(0.01)
            else:
                return

    # What befalls them.

    async def _operate(self) -> None:
        process = Process("operator", self.weather)
        link = Link(self.log, process, self.weather.fair())
        operator = Operator(link, list(self.desk.strategies), Random(self.draw.random()))
        await operator.follow(plan(self.draw, self.duration_s))

    async def _haunt(self) -> None:
        """Let things happen to processes and servers until the market is over."""
        draw = self.draw
        busy = draw.choice((0.0, 0.5, 2.0, 6.0))  # a second, on average
        if not busy:
            await asyncio.Event().wait()
        while True:
            await asyncio.sleep(draw.expovariate(busy))
            kind = draw.choice(
                ("crash", "crash", "crash", "long stop", "freeze", "away", "database", "power")
            )
            await self._strike(kind, draw.choice(self.processes))

    async def _strike(self, kind: str, process: Process) -> None:
        draw = self.draw
        if kind == "crash":
            process.crash("killed")
        elif kind == "long stop":
            process.crash("stopped for long", rest_s=draw.uniform(0.5, 3.0))
        elif kind == "freeze":
            for_s = draw.uniform(0.01, 1.5)
            self._tell_story(f"{process.name}: hangs for {for_s:.3f} s")
            process.freeze()
            asyncio.get_running_loop().call_later(for_s, process.thaw)
        elif kind == "database":
            await self._take_away(self.database, "the database", draw.uniform(0.05, 1.0))
        elif kind == "away":
            await self._take_away(self.log, "the tape's server", draw.uniform(0.01, 1.0))
        else:
            await self.cut_power()

    async def _take_away(self, server: Log | Database, name: str, for_s: float) -> None:
        self._tell_story(f"{name} is away for {for_s:.3f} s")
        server.is_up = False
        try:
            await asyncio.sleep(for_s)
        finally:
            server.is_up = True

    async def cut_power(self) -> None:
        """Everything dies at once, and what was not on the disk is gone."""
        if all(feed.is_over for feed in self.feeds):
            return  # nobody would be there to say the end of the market again
        now_s = asyncio.get_running_loop().time()
        for process in self.processes:
            process.thaw()
            process.crash(rest_s=0.05)
        lost = self.log.cut_power(now_s - self.draw.uniform(0.0, SYNC_S))
        self._tell_story(f"power cut: {lost} messages were not on the disk")
        self.weather.counts["power cut"] += 1
        await self._take_away(self.log, "the tape's server", 0.04)

    def _tell_story(self, what: str) -> None:
        self.weather.tell(asyncio.get_running_loop().time(), what)

    async def _come_to_rest(self) -> None:
        """End all faults and wait until nothing new is said."""
        self.weather.is_calm = True
        self.log.is_up = self.database.is_up = True
        for process in self.processes:
            process.thaw()
        await self._until(self._is_quiet)
        await self._close()
        await self._until(lambda: self.database.seq == self.log.last_seq)

    async def _until(self, is_so: Callable[[], bool]) -> None:
        loop = asyncio.get_running_loop()
        limit_s = loop.time() + SETTLE_S_MAX
        while not is_so():
            await asyncio.sleep(0.1)
            if loop.time() > limit_s:
                raise StuckError(
                    f"{self.log.last_seq} messages, {self.database.seq} of them stored"
                )

    def _is_quiet(self) -> bool:
        """Tell whether nothing was said for a while, signs of life apart."""
        since_s = asyncio.get_running_loop().time() - QUIET_S
        for seq in range(self.log.last_seq, 0, -1):
            if self.log.taken_s[seq - 1] < since_s:
                break
            if self._is_word(self.log.entries[seq - 1].subject):
                return False
        return True

    # What another kind of world does otherwise.

    def _start_more(self, group: asyncio.TaskGroup) -> None:
        """Start what else belongs to the desk."""

    def _is_word(self, subject: str) -> bool:
        """Tell whether a message under this subject says that somebody is not done."""
        return bool(subject)

    async def _close(self) -> None:
        """End what would go on for ever."""


class _Silent:
    def info(self, _what: str, **_: object) -> None:
        """Nobody reads it."""

    warning = info


async def _as_coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()
