"""How long an actor takes to stand at the end of a tape of a million events."""

import asyncio
import time

import structlog

from bench.report import Row, show
from bench.stand import Stand, stand
from bench.tape import FENCED, bars
from services.risk.assembly import risk_actor
from services.risk.config import RiskSettings
from services.risk.core import RiskCore
from shared.runtime.clock import now_ns
from shared.runtime.health import Readiness
from shared.runtime.instruments import Instruments
from shared.runtime.runner import Runner
from shared.runtime.snapshot_store import JetStreamSnapshots
from shared.runtime.snapshots import EVERY_MESSAGES, NoSnapshots, SnapshotStore
from shared.runtime.turns import AtOnce
from shared.tape.publisher import LanePublisher
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Tracing

EVENTS = 1_000_000
PART = 50_000
POLL_S = 0.005


async def measure() -> None:
    """Print both ways to start: from the beginning, and from the newest snapshot."""
    async with stand() as bench:
        publisher = LanePublisher(bench.tape, FENCED, 0)
        for _ in range(0, EVENTS, PART):
            part = bars(FENCED, PART)
            await publisher.publish_whole(part)
        store = JetStreamSnapshots(bench.client, structlog.get_logger())
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(store.run())
            await _start(bench, store, await _end_ns(bench))  # makes the snapshots on its way
            # On average the newest snapshot is half an interval old.
            await publisher.publish_whole(bars(FENCED, EVERY_MESSAGES // 2))
            last_ns = await _end_ns(bench)
            whole_s = await _start(bench, NoSnapshots(), last_ns)
            ours_s = await _start(bench, store, last_ns)
            keeping.cancel()
    rows = [
        Row(
            "start to tape's end, s",
            f"{ours_s:.2f} with snapshots",
            f"{whole_s:.2f} without",
            f"{ours_s / whole_s:.2f}",
            "10 with",
        )
    ]
    show(f"Recovery of risk over {EVENTS:,} bars", rows)


async def _start(bench: Stand, store: SnapshotStore, last_ns: int) -> float:
    """Return the seconds from the runner's start until its core has seen the last bar."""
    actor = risk_actor(RiskSettings(), "main")
    core = actor.core
    if not isinstance(core, RiskCore):
        raise TypeError("risk's actor has another core than RiskCore")
    readiness = Readiness("bench", "0", stale_after_s=60)
    instruments = Instruments(core.lane, Metrics("bench", "0"), Tracing(now_ns), readiness)
    runner = Runner(actor, bench.tape, AtOnce(), instruments, store)
    began_s = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(runner.run())
        while core.state.now_ns < last_ns:  # noqa: ASYNC110 - a core says nothing by itself
            await asyncio.sleep(POLL_S)
        took_s = time.perf_counter() - began_s
        running.cancel()  # not in order: that would take one more snapshot, at the tape's end
    return took_s


async def _end_ns(bench: Stand) -> int:
    end = await bench.tape.last(FENCED.fence)
    if end is None:
        raise RuntimeError("the tape is empty")
    return end.open()[0].ts_ns
