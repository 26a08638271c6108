"""Runs `tapedeck` as a user does, in a process of its own, and looks at what it leaves behind."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psutil

from console.home import Home
from console.running import login_here
from shared.permissions import CONSOLE
from shared.tape.client import connect
from shared.tape.jetstream import JetStreamTape

ROOT = Path(__file__).parents[2]
HEADER = "symbol,ts,open,high,low,close,volume"
RUN_TIMEOUT_S = 110  # below the limit of a test
SYMBOLS = ("AAA", "BBB", "CCC")
FIRST = datetime(2025, 5, 12, 13, 30, tzinfo=UTC)  # the opening of a session


@dataclass(frozen=True)
class Outcome:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        assert self.code == 0, self.err
        found: dict[str, Any] = json.loads(self.out)
        return found

    @property
    def result(self) -> dict[str, Any]:
        """The same without wall times."""
        return {name: value for name, value in self.document.items() if name != "seconds"}

    @property
    def error(self) -> str:
        """The one sentence of a command that failed."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.err
        assert "Traceback" not in self.err
        return lines[0].removeprefix("error: ")


class Workshop:
    """A folder to run commands in. What they make for themselves (state, temporary files) stands
    below it, so that nothing they leave behind can hide.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.temporary = path / "tmp"
        self.temporary.mkdir(parents=True)

    def run(self, *arguments: str, **environment: str) -> Outcome:
        """Run a command to its end."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=self.path,
            env=self.environment(environment),
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start a command in a session of its own, and leave it running."""
        return subprocess.Popen(
            self.command(*arguments),
            cwd=self.path,
            env=self.environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @staticmethod
    def command(*arguments: str) -> list[str]:
        return [sys.executable, "-m", "console.cli", *arguments]

    def environment(self, more: Mapping[str, str]) -> dict[str, str]:
        kept = {name: v for name, v in os.environ.items() if not name.startswith("TAPEDECK")}
        servers = {name: os.environ[name] for name in SERVERS if name in os.environ}
        # As the installed command: the current folder does not go before the library.
        path = {"PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
        ours = {**path, "TMPDIR": str(self.temporary)}
        return {**kept, **servers, **ours, **more}

    def processes(self, text: str = "") -> list[psutil.Process]:
        """Return the processes that were started below this folder and still live."""
        found = []
        for process in psutil.process_iter():
            try:
                is_ours = process.environ().get("TMPDIR") == str(self.temporary)
                if is_ours and text in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue  # somebody else's, or gone meanwhile
        return found

    def assert_nothing_is_left(self) -> None:
        wait_until(lambda: not self.processes(), 10, "processes are left")
        assert not list(self.temporary.iterdir())


SERVERS = ("TAPEDECK_NATS_SERVER", "TAPEDECK_POSTGRES_BIN")


def write_bars(
    path: Path, minutes: int = 120, seed: int = 1, symbols: Sequence[str] = SYMBOLS
) -> Path:
    """Write a random walk of some symbols, one bar a minute over regular sessions."""
    walk = random.Random(seed)
    prices = dict.fromkeys(symbols, 100.0)
    lines = [HEADER]
    moment = FIRST
    for _ in range(minutes):
        for symbol in symbols:
            opened = prices[symbol]
            close = round(opened * (1 + walk.gauss(0, 0.002)), 2)
            high, low = max(opened, close) + 0.02, min(opened, close) - 0.02
            volume = walk.randrange(20_000, 90_000)
            stamp = moment.strftime("%Y-%m-%d %H:%M:%S")
            lines.append(f"{symbol},{stamp},{opened:.2f},{high:.2f},{low:.2f},{close:.2f},{volume}")
            prices[symbol] = close
        moment += timedelta(minutes=1)
        if moment.hour == 20:
            moment = moment.replace(hour=13, minute=30) + timedelta(days=1)
    return write_lines(path, lines)


def write_lines(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def wait_until(holds: Callable[[], object], timeout_s: float, otherwise: str) -> None:
    """Wait until something holds; fail with a sentence when it does not in time."""
    deadline_s = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline_s, otherwise
        time.sleep(0.05)


def tape_end(state: Path) -> int:
    """Return the last sequence of the tape of the desk in `state`; 0 before there is one."""
    home = Home(state)
    if not home.config_path.exists():
        return 0
    url = json.loads(home.config_path.read_text(encoding="utf-8"))["nats"]["url"]

    async def ask() -> int:
        login = login_here(home, CONSOLE)
        client = await connect(url, name=CONSOLE, login=login, timeout_s=5)
        try:
            return (await (await JetStreamTape.open(client)).bounds()).last
        finally:
            await client.close()

    return asyncio.run(ask())
