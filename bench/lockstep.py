"""Bars a second through the whole distributed stack in lockstep, beside one process."""

import csv
import json
import random
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.report import Row, show
from console.configuration import DeskConfiguration
from console.in_process import play
from services.data.config import DataSettings
from services.data.files.source import FileSource
from services.strategy.config import StrategySettings

SHAPES = ((1, 2_000, "1,000 bars/s"), (50, 200, "5,000 bars/s"))


async def measure() -> None:
    """Print the rate for one symbol and for fifty."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="tapedeck-bench-") as folder:
        for symbols, minutes, target in SHAPES:
            path = Path(folder) / f"{symbols}.csv"
            _write_bars(path, symbols, minutes)
            command = [sys.executable, "-m", "console.cli", "up", "--data", str(path)]
            ended = subprocess.run(  # noqa: ASYNC221, S603 - us, and nothing else
                [*command, "--strategy", "ema_crossover", "--until-done", "--json"],
                check=True,
                capture_output=True,
            )
            result = json.loads(ended.stdout)
            rate = result["bars"] / result["seconds"]
            alone = result["bars"] / _alone_s(path)
            measured = f"{rate:,.0f} bars/s, {result['orders']} orders"
            baseline = f"{alone:,.0f} bars/s in one process"
            rows.append(Row(f"{symbols} symbols a slice", measured, baseline, "", target))
    show("`tapedeck up --until-done`, start-up and ledger included", rows)


def _alone_s(path: Path) -> float:
    """Return the seconds that the same actors need in one process, with no server at all."""
    strategy = StrategySettings(use="ema_crossover", active=True)
    desk = DeskConfiguration(data=DataSettings(feed="file"), strategies={"ema_crossover": strategy})
    source = FileSource([path])
    began_s = time.perf_counter()
    play(desk, "0" * 16, source.timeframe, source.slices(-1))
    return time.perf_counter() - began_s


def _write_bars(path: Path, symbols: int, minutes: int) -> None:
    prices = random.Random(7)
    start = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["symbol", "ts", "open", "high", "low", "close", "volume"])
        closes = dict.fromkeys((f"S{i:02d}" for i in range(symbols)), 100.0)
        for minute in range(minutes):
            ts = (start + timedelta(minutes=minute)).isoformat()
            for symbol, before in closes.items():
                close = round(before * (1 + prices.gauss(0, 0.001)), 2)
                high, low = max(before, close) + 0.01, min(before, close) - 0.01
                writer.writerow([symbol, ts, before, round(high, 2), round(low, 2), close, 50_000])
                closes[symbol] = close
