"""The tape alone: fenced publishes, batches, reading, beside bare JetStream."""

import time
from itertools import count

from nats.aio.client import Client

from bench.report import Row, show, spread
from bench.stand import stand
from shared.domain.values import Timeframe
from shared.messages.market import Bar
from shared.subjects import Lane, lane
from shared.tape.entry import Outgoing, fact
from shared.tape.interface import Tape
from shared.tape.publisher import LanePublisher

SINGLE = 3_000
BATCHED = 60_000
BARE = lane("data", "bare")
FENCED = lane("data", "bench")
_numbers = count(1)


def bars(speaker: Lane, size: int) -> list[Outgoing]:
    """Make messages as they are in real life; each is another."""
    made = []
    for number in (next(_numbers) for _ in range(size)):
        bar = Bar(
            symbol=f"S{number % 50}",
            timeframe=Timeframe.M1,
            start_ns=number,
            open=100.25,
            high=100.75,
            low=99.5,
            close=100.5,
            volume=12_345.0,
        )
        made.append(fact("bench", speaker, bar, ts_ns=number, key=str(number)))
    return made


async def measure() -> None:
    """Print publishing and reading rates."""
    async with stand() as bench:
        # Alternating, so that both meet the same disk and the same clock speed.
        publisher = LanePublisher(bench.tape, FENCED, 0)
        bare_s, fenced_s = [], []
        for bare, fenced in zip(bars(BARE, SINGLE), bars(FENCED, SINGLE), strict=True):
            bare_s.append(await _bare(bench.client, bare))
            began_s = time.perf_counter()
            await publisher.publish([fenced])
            fenced_s.append(time.perf_counter() - began_s)
        plain, ours = spread(bare_s), spread(fenced_s)
        batches = bars(FENCED, BATCHED)
        began_s = time.perf_counter()
        await publisher.publish_whole(batches)
        batch_s = time.perf_counter() - began_s
        read_s = await _read(bench.tape, BATCHED)
    show(
        "The tape",
        [
            Row(
                "publish with ack, ms p50 / p99",
                f"{ours.p50 * 1e3:.2f} / {ours.p99 * 1e3:.2f} fenced",
                f"{plain.p50 * 1e3:.2f} / {plain.p99 * 1e3:.2f} bare",
                f"{ours.p50 / plain.p50:.2f}",
                "0.14-0.28 p50",
            ),
            Row("publish in atomic batches", f"{BATCHED / batch_s:,.0f} msg/s"),
            Row("read and check, one reader", f"{BATCHED / read_s:,.0f} msg/s"),
        ],
    )


async def _bare(client: Client, out: Outgoing) -> float:
    began_s = time.perf_counter()
    await client.request(out.subject, out.payload, timeout=5)
    return time.perf_counter() - began_s


async def _read(tape: Tape, size: int) -> float:
    start = (await tape.bounds()).last - size + 1
    async with tape.reader([FENCED.fence], start) as reader:
        began_s = time.perf_counter()
        for _ in range(size):
            if await reader.next(5) is None:
                raise RuntimeError("the reader lost a message")
        return time.perf_counter() - began_s
