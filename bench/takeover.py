"""How long the desk is without risk when the instance that leads is killed."""

import asyncio
import time
from itertools import count

from bench.chain import FEED, _bar
from bench.report import Row, show
from bench.stand import Stand, stand
from console.services import ServiceProcess
from shared.tape.publisher import LanePublisher

KILLS = 50
EVERY_S = 0.02  # a bar, which the strategy wants to trade
DECISIONS = "risk.main.>"
PATIENCE_S = 10.0
_STRATEGY = {
    "STRATEGIES__BENCH__USE": "bench.every_bar:EveryBar",
    "STRATEGIES__BENCH__ACTIVE": "true",
}
_RISK = {"TAPE__STANDBY_AFTER_MS": "250"}


async def measure() -> None:
    """Print the distribution of the gaps."""
    async with stand() as bench, asyncio.TaskGroup() as group:
        for name in ("strategy", "execution"):
            await bench.start(name, _STRATEGY if name == "strategy" else {})
        pair = [await _risk(bench), await _risk(bench)]
        playing = group.create_task(_play(bench))
        gaps_ms = []
        for _ in range(KILLS):
            gaps_ms.append(await _kill_leader(bench, pair))
            pair.append(await _risk(bench))
        playing.cancel()
    gaps_ms.sort()
    rows = [
        Row(
            "without a decision, ms",
            f"p50 {gaps_ms[KILLS // 2]:.0f}, p90 {gaps_ms[KILLS * 9 // 10]:.0f},"
            f" max {gaps_ms[-1]:.0f}",
            target="under 1,000",
        )
    ]
    show(f"Takeover of risk by its standby, {KILLS} kills, T = 250 ms", rows)


async def _risk(bench: Stand) -> ServiceProcess:
    _, service = await bench.start("risk", _RISK)
    return service


async def _play(bench: Stand) -> None:
    publisher = LanePublisher(bench.tape, FEED, 0)
    for _ in count():
        _, out = _bar(bench.tape.id)
        await publisher.publish([out])
        await asyncio.sleep(EVERY_S)


async def _kill_leader(bench: Stand, pair: list[ServiceProcess]) -> float:
    """Kill the one that leads; return the milliseconds until somebody decides again.

    Counted from the first signal that the dead one left unanswered, for the strategy pauses, too.
    """
    leader = await _leader_of(pair)
    killed_ns = time.time_ns()
    leader.kill()
    await leader.wait()
    pair.remove(leader)
    await bench.stop([leader])
    before = await bench.tape.last(DECISIONS)
    async with bench.tape.reader([DECISIONS], before.seq + 1 if before else 1) as reader:
        entry = await reader.next(PATIENCE_S)
    cause = await bench.tape.get(entry.cause) if entry is not None else None
    if entry is None or cause is None:
        raise RuntimeError(f"nobody has taken over within {PATIENCE_S:.0f} s")
    return (entry.recorded_ns - max(killed_ns, cause.recorded_ns)) / 1e6


async def _leader_of(pair: list[ServiceProcess]) -> ServiceProcess:
    while True:
        for service in pair:
            health = await service.health()
            if health is not None and health.actors["risk.main"].state == "live":
                return service
        await asyncio.sleep(EVERY_S)
