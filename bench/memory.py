"""What a reader's memory does while the tape grows far faster than its core can follow."""

import asyncio
import os
import sys
import time

from bench.report import Row, show
from bench.stand import stand
from bench.tape import FENCED, bars
from shared.permissions import ADMIN
from shared.tape.publisher import LanePublisher

RATE = 50_000
SECONDS = 8


async def measure() -> None:
    """Print the growth of a reader's memory, and both rates."""
    async with stand() as bench:
        publisher = LanePublisher(bench.tape, FENCED, 0)
        parts = [bars(FENCED, RATE) for _ in range(SECONDS)]
        seed = bench.servers.login(ADMIN).seed or ""
        environment = os.environ | {"BENCH_URL": bench.servers.nats_url, "BENCH_SEED": seed}
        reader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.slow_reader"),
            env=environment,
            stdout=asyncio.subprocess.PIPE,
        )
        if reader.stdout is None or not await reader.stdout.readline():
            raise RuntimeError("the slow reader did not start")
        began_s = time.perf_counter()
        for number, part in enumerate(parts):
            await publisher.publish_whole(part)
            await asyncio.sleep(max(began_s + number + 1 - time.perf_counter(), 0))
        rate = RATE * SECONDS / (time.perf_counter() - began_s)
        told, _ = await reader.communicate()
    lines = [line.split() for line in told.decode().splitlines()]
    first, last = int(lines[0][0]) / 1e6, int(lines[-1][0]) / 1e6
    rows = [
        Row("resident memory, MB", f"{last:.1f} at the end", f"{first:.1f} after 1 s"),
        Row("tape grows / reader reads, msg/s", f"{rate:,.0f} / {int(lines[-1][1]) / 8:,.0f}"),
    ]
    show("A reader with a slow core", rows)
