"""From a market event to an order on the durable tape, through four processes.

The baseline passes a message through as many processes and as many fenced publishes, with no
desk in between: what JetStream itself costs.
"""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count, pairwise

from bench.report import Row, Spread, show, spread
from bench.stand import Stand, stand
from shared.domain.sessions import session_of_date
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.codec import decode
from shared.messages.market import Bar
from shared.permissions import ADMIN
from shared.subjects import lane
from shared.tape.entry import Outgoing, fact
from shared.tape.interface import Reader
from shared.tape.publisher import LanePublisher

EVENTS = 1_500
WARM = 200
PAUSE_S = 0.006  # below saturation: a latency, not a queue
SYMBOLS = 20
FEED = lane("data", "file")
BARE_LANES = ("data.hop0", "data.hop1", "data.hop2", "data.hop3")
_STRATEGY = {
    "STRATEGIES__BENCH__USE": "bench.every_bar:EveryBar",
    "STRATEGIES__BENCH__ACTIVE": "true",
}
_minutes = count(1)


async def measure() -> None:
    """Print both latencies and their ratio."""
    async with stand() as bench:
        bare = await _bare(bench)
        for name in ("strategy", "risk", "execution"):
            await bench.start(name, _STRATEGY if name == "strategy" else {})
        ours = await _desk(bench)
    ratio = f"{ours.p50 / bare.p50:.2f}"
    rows = [
        Row("p50, ms", f"{ours.p50:.2f}", f"{bare.p50:.2f}", ratio, "1.3"),
        Row("p99, ms", f"{ours.p99:.2f}", f"{bare.p99:.2f}", f"{ours.p99 / bare.p99:.2f}"),
    ]
    show("Bar published, to order read back: strategy, risk, execution; bare: three hops", rows)


async def _desk(bench: Stand) -> Spread:
    publisher = LanePublisher(bench.tape, FEED, 0)
    reader = bench.tape.reader(["execution.main.submitting.>"], 1)
    async with reader:
        return await _timed(publisher, reader, (_bar(bench.tape.id) for _ in count()))


async def _bare(bench: Stand) -> Spread:
    with _hops(bench):
        publisher = LanePublisher(bench.tape, lane("data", "hop0"), 0)
        reader = bench.tape.reader([f"{BARE_LANES[-1]}.>"], 1)
        async with reader:
            return await _timed(publisher, reader, (_hop(bench.tape.id) for _ in count()))


async def _timed(
    publisher: LanePublisher, reader: Reader, messages: Iterator[tuple[int, Outgoing]]
) -> Spread:
    """Publish one message after another; milliseconds until its last consequence is read."""
    took_ms: list[float] = []
    for _ in range(EVENTS):
        mark_ns, out = next(messages)
        began_s = time.perf_counter()
        await publisher.publish([out])
        while (entry := await reader.next(0.05)) is not None:
            if decode(entry.payload)[0].ts_ns == mark_ns:
                took_ms.append((time.perf_counter() - began_s) * 1e3)
                break
        await asyncio.sleep(PAUSE_S)
    if len(took_ms) < EVENTS // 4:
        raise RuntimeError(f"only {len(took_ms)} of {EVENTS} events came through")
    return spread(took_ms[WARM // 4 :])


def _bar(tape_id: str) -> tuple[int, Outgoing]:
    number = next(_minutes)
    session = session_of_date("2026-01-05")
    if session is None:
        raise RuntimeError("2026-01-05 is a trading day")
    end_ns = session.open_ns + number * NS_PER_S
    bar = Bar(
        symbol=f"S{number % SYMBOLS}",
        timeframe=Timeframe.M1,
        start_ns=end_ns - NS_PER_S,
        open=100.0,
        high=101.0,
        low=99.0,
        close=100.0,
        volume=1e6,
    )
    return end_ns, fact(tape_id, FEED, bar, ts_ns=end_ns, key=str(end_ns))


def _hop(tape_id: str) -> tuple[int, Outgoing]:
    end_ns, out = _bar(tape_id)
    event = out.subject.split(".", 2)[2]
    return end_ns, Outgoing(f"data.hop0.{event}", out.payload, 0, 0, 1)


@contextmanager
def _hops(bench: Stand) -> Iterator[None]:
    login = bench.servers.login(ADMIN)
    environment = os.environ | {
        "BENCH_URL": bench.servers.nats_url,
        "BENCH_SEED": login.seed or "",
    }
    processes = [_start(source, target, environment) for source, target in pairwise(BARE_LANES)]
    try:
        for process in processes:
            if process.stdout is None or not process.stdout.readline():
                raise RuntimeError("a hop of the bare chain did not start")
        yield
    finally:
        _end(processes)


def _start(source: str, target: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "bench.bare_hop", f"{source}.>", target]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)  # noqa: S603 - us


def _end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
