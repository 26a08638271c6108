"""Strategy services as processes on the real server, a market for them, and what they said."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from nats.aio.client import Client

from console.services import ask_health
from services.strategy.assembly import strategy_actors
from services.strategy.config import StrategySettings
from shared.messages.lane import State
from shared.permissions import MEMBERS_STREAM
from shared.runtime.feed import slice_facts
from shared.runtime.foresight import foresee
from shared.runtime.health import Report
from shared.runtime.members import init_members
from shared.runtime.replay import Replay, Verdict
from shared.runtime.snapshot_store import STREAM as SNAPSHOTS
from shared.runtime.snapshot_store import init_snapshots
from shared.tape.jetstream import JetStreamTape
from shared.tape.publisher import LanePublisher
from tests import toy
from tests.servers import NatsUnderTest
from tests.tapes import fresh_tape, whole

DEADLINE_S = 20.0
BOOK = "main"
ROOT = Path(__file__).parents[1]


class Instance:
    """One strategy service."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def lines(self) -> list[dict[str, object]]:
        text = self._log.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    @property
    def port(self) -> int:
        return next((int(str(x["health_port"])) for x in self.lines if "health_port" in x), 0)

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    async def health(self) -> Report | None:
        return await ask_health(self.port) if self.port else None

    async def actors(self) -> set[str]:
        """Which actors it hosts, live."""
        report = await self.health()
        return (
            {name for name, p in report.actors.items() if p.state != "recovering"}
            if report
            else set()
        )

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            while (code := self.process.poll()) is None:
                await asyncio.sleep(0.01)
        return code


class Floor:
    """A tape, a market, and the instances that trade on it."""

    def __init__(
        self,
        server: NatsUnderTest,
        client: Client,
        tape: JetStreamTape,
        folder: Path,
        strategies: Mapping[str, StrategySettings],
    ) -> None:
        self.tape = tape
        self.client = client
        self.strategies = dict(strategies)
        self.lanes = {str(a.core.lane) for a in strategy_actors(BOOK, self.strategies)}
        self.instances: list[Instance] = []
        self._server = server
        self._folder = folder
        self._publisher = LanePublisher(tape, toy.FEED, 0)
        self._parts = iter(toy.slices(10_000))

    def start(self, name: str, **more: object) -> Instance:
        """Start an instance; `more` are settings of its hosting."""
        tape_settings = {"standby_after_ms": 100, "lockstep": more.pop("lockstep", False)}
        document = {
            "strategies": {n: s.model_dump(mode="json") for n, s in self.strategies.items()},
            "health": {"strategy_port": 0},
            "hosting": {"instance": name, "member_ttl_s": 1, **more},
            "tape": tape_settings,
        }
        path = self._folder / f"{name}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        log = self._folder / f"{name}-{len(self.instances)}.log"
        environment = {**self._server.environment("strategy"), "TAPEDECK_CONFIG": str(path)}
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "services.strategy.main"],
                env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
                stdout=out,
                stderr=out,
            )
        self.instances.append(Instance(process, log))
        return self.instances[-1]

    async def play(self, slices: int = 1) -> int:
        """Publish so many minutes of the market; return the tape's end."""
        for _ in range(slices):
            part = next(self._parts)
            await self._publisher.publish_whole(slice_facts(self.tape.id, toy.FEED, part))
        return self._publisher.head

    async def hosts_are(self, holds: Callable[[list[set[str]]], bool]) -> float:
        """Wait until what the instances host is as wanted; return how long that took, seconds."""
        began_s = time.monotonic()
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found = [await one.actors() for one in self.instances]
                if holds(found):
                    return time.monotonic() - began_s
                await asyncio.sleep(0.02)

    async def shared_out(self) -> float:
        """Wait until every actor has exactly one live host, and every live instance its part."""

        def is_shared_out(hosts: list[set[str]]) -> bool:
            alive = [h for h, one in zip(hosts, self.instances, strict=True) if one.is_running]
            once = sorted(lane for host in alive for lane in host) == sorted(self.lanes)
            return once and (all(alive) or len(self.lanes) < len(alive))

        return await self.hosts_are(is_shared_out)

    async def handled(self, seq: int, lanes: set[str] | None = None) -> None:
        """Wait until the hosts of these lanes have handled everything up to `seq`."""
        wanted = self.lanes if lanes is None else lanes
        async with asyncio.timeout(DEADLINE_S):
            while True:
                reports = [await one.health() for one in self.instances]
                places = [r.actors for r in reports if r is not None]
                if all(any(lane in p and p[lane].seq >= seq for p in places) for lane in wanted):
                    return
                await asyncio.sleep(0.02)

    async def verdict(self) -> Verdict:
        """Handle the whole tape again and compare: a word lost, or said twice, is a difference."""
        actors = strategy_actors(BOOK, self.strategies)
        for actor in actors:
            await foresee(self.tape, actor.core)
        entries = await whole(self.tape)
        births = {}
        for entry in entries:
            message = entry.open()[1]
            if isinstance(message, State):
                births[str(entry.lane)] = (entry.seq, message)
        run = Replay(self.tape.id, actors, births)
        for entry in entries:
            run.feed(entry)
        return run.end()

    async def close(self) -> None:
        for one in self.instances:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.process.kill()
            one.process.wait()


@asynccontextmanager
async def floor(
    server: NatsUnderTest, folder: Path, strategies: Mapping[str, StrategySettings]
) -> AsyncIterator[Floor]:
    """A fresh tape with what the strategy service needs around it."""
    async with fresh_tape(server) as (client, tape):
        for stream in (MEMBERS_STREAM, SNAPSHOTS):
            await client.request(f"$JS.API.STREAM.DELETE.{stream}", b"")
        await init_members(client)
        await init_snapshots(client)
        made = Floor(server, client, tape, folder, strategies)
        try:
            yield made
        finally:
            await made.close()
