"""Bars a second of a backtest in one process, everything on, and the memory it takes.

`SETTINGS` and `write_bars` are what other engines are measured with, too: the same bars, the same
averages, the same machine, the same run.
"""

import asyncio
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from subprocess import run as run_process
from typing import NamedTuple

import numpy as np

from bench.peers.table import Job, compare
from bench.report import Row, show
from console.backtest.engine import run
from console.backtest.timeline import Timeline
from console.configuration import DeskConfiguration
from services.data.files.reader import read_apart
from shared.domain.sessions import next_session, session_of_date
from shared.domain.values import NS_PER_S

FIRST_DAY = "2021-01-04"
VOLATILITY = 0.0006  # of a minute's return
MEGABYTE_KB = 1024
PEERS_MINUTES = 300_000  # of the settings that other engines are measured with


class Setting(NamedTuple):
    """One measurement: a crossover of two averages over made-up minutes."""

    name: str
    symbols: int
    minutes: int
    fast: int
    slow: int
    target: str


SETTINGS = (
    Setting("300,000 minutes, EMA 10/20", 1, 300_000, 10, 20, "400,000 bars/s"),
    Setting("300,000 minutes, EMA 500/2000", 1, 300_000, 500, 2_000, "400,000 bars/s"),
    Setting("1,000,000 minutes, EMA 500/2000", 1, 1_000_000, 500, 2_000, "under 300 MB"),
    Setting("500 symbols, 390 bars, 20 days", 500, 7_800, 500, 2_000, "250,000 bars/s"),
)


async def measure() -> None:
    """Print the rate of every setting, each in a process of its own, for its memory; then the
    same settings through other engines.
    """
    rows, jobs = [], {}
    with tempfile.TemporaryDirectory(prefix="tapedeck-bench-") as folder:
        for setting in SETTINGS:
            path = Path(folder) / f"{setting.symbols}-{setting.minutes}.parquet"
            if not path.exists():
                write_bars(path, setting.symbols, setting.minutes)
            command = [sys.executable, "-m", "bench.backtest", setting.name, str(path)]
            ended = run_process(command, check=True, capture_output=True, text=True)  # noqa: ASYNC221, S603 - us
            rate, _, told = ended.stdout.strip().partition(" ")
            rows.append(Row(setting.name, f"{float(rate):,.0f} {told}", "", "", setting.target))
            if setting.symbols == 1 and setting.minutes == PEERS_MINUTES:
                jobs[setting.name] = Job(path, setting.fast, setting.slow, float(rate))
        show(
            "Backtest on one core: sizing, all risk checks, paper fills, costs, books, curve", rows
        )
        compare(jobs)


def desk_of(setting: Setting) -> DeskConfiguration:
    """Return the desk that a setting runs on: rich enough to go on for years of trading costs."""
    params = {"fast": setting.fast, "slow": setting.slow}
    many = {
        "position_fraction": "0.001",
        "max_open_positions": 10_000,
        "max_working_orders": 10_000,
    }
    return DeskConfiguration.model_validate(
        {
            "data": {"feed": "file"},
            "strategies": {"ema": {"use": "ema_crossover", "active": True, "params": params}},
            "execution": {"paper": {"starting_cash": "10000000"}},
            "risk": many if setting.symbols > 1 else {},
        }
    )


def write_bars(path: Path, symbols: int, minutes: int, seed: int = 7) -> None:
    """Write made-up minutes of regular sessions, a random walk for each symbol; always the same."""
    import pyarrow as pa  # noqa: PLC0415 - the measured process must not hold it
    import pyarrow.parquet as pq  # noqa: PLC0415

    draw = np.random.default_rng(seed)
    times = _minutes(minutes)
    writer = None
    for number in range(symbols):
        steps = np.cumsum(draw.normal(0.0, VOLATILITY, minutes))
        close = np.round(100.0 * np.exp(steps), 2)
        opened = np.concatenate(([100.0], close[:-1]))
        table = pa.table(
            {
                "symbol": pa.array([f"S{number:03}"] * minutes),
                "ts": pa.array(times).cast(pa.timestamp("ns", tz="UTC")),
                "open": opened,
                "high": np.round(np.maximum(opened, close) + 0.02, 2),
                "low": np.round(np.minimum(opened, close) - 0.02, 2),
                "close": close,
                "volume": draw.integers(10_000, 200_000, minutes).astype(np.float64),
            }
        )
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _minutes(count: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    session = session_of_date(FIRST_DAY)
    if session is None:
        raise RuntimeError(f"{FIRST_DAY} is a trading day")
    days, found = [], 0
    while found < count:
        days.append(np.arange(session.open_ns, session.close_ns, 60 * NS_PER_S, dtype=np.int64))
        found += len(days[-1])
        session = next_session(session.close_ns)
    return np.concatenate(days)[:count]


def main(arguments: Sequence[str]) -> int:
    """Measure one setting: print its rate, what it traded, and the most memory it took."""
    name, path = arguments
    setting = next(one for one in SETTINGS if one.name == name)
    timeline = Timeline(asyncio.run(read_apart([Path(path)], None)))
    began_s, worked_s = time.perf_counter(), time.process_time()
    found = run(desk_of(setting), timeline).document
    took_s, worked_s = time.perf_counter() - began_s, time.process_time() - worked_s
    bars = len(timeline.bars.end_ns)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // MEGABYTE_KB
    sys.stdout.write(
        f"{bars / worked_s:.0f} bars/s of CPU time ({bars / took_s:,.0f} by the clock),"
        f" {found['orders']} orders, {found['fills']} fills, {memory} MB\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
