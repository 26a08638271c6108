"""A strategy run twice over the same made-up market, in processes that hash text differently.

    python -m console.check_strategy.twice USE JSON

prints a digest of every decision. What differs between two processes on the same bars does not
follow from them; which decision it was first tells where to look.
"""

import json
import math
import os
import random
import subprocess
import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from console.backtest.engine import run
from console.backtest.moments import spell
from console.configuration import DeskConfiguration
from console.failure import explained
from services.data.files.bars import Bars
from services.strategy.catalogue import resolve
from shared.core import Stamp
from shared.domain.errors import ConfigurationError
from shared.domain.sessions import next_session, session_of_date
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import Message
from shared.messages.signals import Signal

SYMBOLS = tuple(f"S{number:02}" for number in range(12))
FIRST_DAY = "2025-05-12"
SESSIONS = 3
HASH_SEEDS = ("1", "2")
SECONDS_MAX = 120


class Decision(NamedTuple):
    """One signal, as far as it is the author's."""

    ts_ns: int
    told: str


class _Listener:
    """Writes down what a strategy says."""

    reads = ("strategy.*.signal.>",)

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """Keep signals."""
        if isinstance(message, Signal):
            told = (
                f"{message.intent} {message.side} {message.quantity} {message.symbol}"
                f" {message.reason} {sorted(message.values.items())}"
            )
            self.decisions.append(Decision(stamp.ts_ns, told))
        return ()


def run_twice(use: str, params: Mapping[str, object]) -> str:
    """Return "" when both processes decide the same, else the first decision that differs.

    Raises ConfigurationError for a strategy that cannot be made.
    """
    one, other = (_decisions(use, params, seed) for seed in HASH_SEEDS)
    for first, second in zip(one, other, strict=False):
        if first != second:
            return f"{spell(first.ts_ns)}: {first.told}, in another process {second.told}"
    if len(one) != len(other):
        extra = max(one, other, key=len)[min(len(one), len(other))]
        return f"{spell(extra.ts_ns)}: {extra.told}, in another process nothing"
    return ""


def _decisions(use: str, params: Mapping[str, object], hash_seed: str) -> list[Decision]:
    ended = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "console.check_strategy.twice", use, json.dumps(params)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    if ended.returncode:
        said = [line for line in ended.stderr.splitlines() if line.strip()]
        raise ConfigurationError((said or ["it said nothing"])[-1].removeprefix("error: "))
    return [Decision(*one) for one in json.loads(ended.stdout)]


def market() -> Bars:
    """Return the made-up bars: trends, jumps, quiet symbols; the same in every process."""
    draw = random.Random(11)  # noqa: S311 - a market, no secret
    session = session_of_date(FIRST_DAY)
    rows: list[Sequence[float]] = []
    closes = dict.fromkeys(range(len(SYMBOLS)), 100.0)
    for _ in range(SESSIONS):
        if session is None:
            break
        for minute, start in enumerate(range(session.open_ns, session.close_ns, 60 * NS_PER_S)):
            for code, before in closes.items():
                drift = 0.0006 * math.sin(minute / (15 + 5 * code))
                close = round(before * (1 + draw.gauss(drift, 0.001)), 2)
                top, bottom = max(before, close) + 0.02, min(before, close) - 0.02
                rows.append((start, code, before, top, bottom, close, draw.randrange(100, 50_000)))
                closes[code] = close
        session = next_session(session.close_ns)
    columns = list(zip(*rows, strict=True))
    starts = [int(start) for start in columns[0]]
    return Bars(
        timeframe=Timeframe.M1,
        symbols=SYMBOLS,
        symbol=memoryview(array("q", [int(code) for code in columns[1]])),
        start_ns=memoryview(array("q", starts)),
        end_ns=memoryview(array("q", [start + 60 * NS_PER_S for start in starts])),
        prices=tuple(memoryview(array("d", column)) for column in columns[2:6]),
        volume=memoryview(array("d", columns[6])),
        vwap=None,
        trades=None,
    )


def main(arguments: Sequence[str]) -> int:
    """Run one strategy over the market and print its decisions as JSON."""
    with explained():
        use, params = arguments[0], json.loads(arguments[1])
        resolve(use)
        settings = {"use": use, "active": True, "params": params}
        desk = DeskConfiguration.model_validate(
            {"data": {"feed": "file"}, "strategies": {"checked": settings}}
        )
        listener = _Listener()
        run(desk, market(), listeners=[listener])
        sys.stdout.write(json.dumps(listener.decisions))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
