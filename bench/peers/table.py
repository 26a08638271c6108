"""Other engines on our bars, in this run, on this machine.

Each lives in an environment of its own, made on first use under `.bench/` from pinned versions. Its
script (`backtesting_py`, `backtrader_cerebro`, `nautilus`) is written as its own documentation
has it: market orders that fill at the next open, a commission, one symbol. Fewer things happen
there than here: no signals with reasons, no risk limits, no double-entry books, no audit trail.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench.peers.told import Told
from bench.report import Row, show

ROOT = Path(__file__).parents[2]
PEERS = ("backtesting_py", "backtrader_cerebro", "nautilus")
SECONDS_MAX = 300


class Job(NamedTuple):
    """One setting: its bars and the two averages, and the bars a second that we needed."""

    path: Path
    fast: int
    slow: int
    our_rate: float


class NotMeasuredError(Exception):
    """A peer could not be installed or did not run; the message says why."""


def compare(jobs: Mapping[str, Job]) -> None:
    """Print what every peer needs for every job; one that cannot be measured is named, too."""
    rows = []
    for peer in PEERS:
        try:
            python = _environment(peer)
            for name, job in jobs.items():
                rows.append(_row(name, job, _run(python, peer, job)))
        except NotMeasuredError as error:
            rows.append(Row(peer, f"not measured: {error}"))
    show("The same bars through other engines (ratio: how many times as fast ours is)", rows)


def _row(name: str, job: Job, told: Told) -> Row:
    rate = told.bars / told.seconds
    return Row(
        f"{told.engine}: {name}",
        f"{rate:,.0f} bars/s, {told.trades} round trips",
        f"ours {job.our_rate:,.0f} bars/s",
        f"{job.our_rate / rate:.2f}",
        "above 1",
    )


def _environment(peer: str) -> Path:
    """Return the Python of a peer's environment, made where there is none."""
    folder = ROOT / ".bench" / peer
    python, stamp = folder / "bin/python", folder / "requirements"
    wanted = Path(__file__).parent / "requirements" / f"{peer}.txt"
    if stamp.exists() and stamp.read_text() == wanted.read_text():
        return python
    uv = str(Path(sys.executable).with_name("uv"))
    _call(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
    _call(uv, "pip", "install", "--quiet", "--python", str(python), "--requirement", str(wanted))
    stamp.write_text(wanted.read_text())
    return python


def _run(python: Path, peer: str, job: Job) -> Told:
    settings = (str(job.path), str(job.fast), str(job.slow))
    said = _call(str(python), "-m", f"bench.peers.{peer}", *settings)
    return Told(**json.loads(said.splitlines()[-1]))


def _call(*command: str) -> str:
    try:
        ended = subprocess.run(  # noqa: S603 - what this file names
            command, check=True, capture_output=True, text=True, timeout=SECONDS_MAX, cwd=ROOT
        )
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise NotMeasuredError(last) from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotMeasuredError(str(error)) from None
    return ended.stdout
