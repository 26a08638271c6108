"""Runs a desk to its end while processes of it are killed and stopped; only its own ones."""

import asyncio
import contextlib
import json
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from console.home import Home
from console.running import login_here
from shared.domain.errors import UnavailableError
from shared.permissions import CONSOLE as CONSOLE_USER
from shared.tape.client import connect
from shared.tape.jetstream import JetStreamTape
from tests.chaos.plan import CONSOLE, SERVICES, Act, Moment
from tests.e2e.desk import Outcome, Workshop

ROUND_S_MAX = 150.0
POLL_S = 0.02
PROGRAMS = {"nats": "nats-server", "postgres": "postgres"}
ANSWER_S_MAX = 0.5  # then the server is away, or another one by now
SEARCH_S = 15.0  # what was killed a moment ago is started again within it, the console included


class Desk:
    """One run of `tapedeck up`, started again after each `kill -9` of the console."""

    def __init__(self, workshop: Workshop, command: Sequence[str], state: Path) -> None:
        self._workshop = workshop
        self._command = [*command, "--state", str(state)]
        self._home = Home(state)
        self._console: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self._end = 0
        self.done: list[str] = []

    async def run(self, moments: Sequence[Moment], last_seq: int) -> Outcome:
        """Return what the last console said. `last_seq` is where the undisturbed tape ends."""
        began_s = time.monotonic()
        self._start()
        try:
            async with asyncio.timeout(ROUND_S_MAX), asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                monkey = group.create_task(self._disturb(moments, last_seq, began_s))
                await self._wait()
                for task in (monkey, watch):
                    task.cancel()
        except TimeoutError:
            return Outcome(-1, "", f"the run did not end within {ROUND_S_MAX:.0f} s")
        finally:
            self._sweep()
        return self._outcome()

    def _start(self) -> None:
        self._starts += 1
        with self._said("out").open("wb") as out, self._said("err").open("wb") as err:
            self._console = subprocess.Popen(
                self._workshop.command(*self._command),
                cwd=self._workshop.path,
                env=self._workshop.environment({"TAPEDECK__RESTARTS_PER_MINUTE_MAX": "1000"}),
                stdout=out,
                stderr=err,
                start_new_session=True,
            )

    def _said(self, stream: str) -> Path:
        return self._workshop.path / f"{stream}.{self._starts}"

    async def _wait(self) -> None:
        """Wait for an end that is not the monkey's doing."""
        while True:
            assert self._console is not None
            if self._console.poll() is None:
                await asyncio.sleep(POLL_S)
            elif self._console.returncode == -signal.SIGKILL:
                self._start()
            else:
                return

    def _outcome(self) -> Outcome:
        assert self._console is not None
        out, err = (self._said(stream).read_text(encoding="utf-8") for stream in ("out", "err"))
        return Outcome(int(self._console.returncode), out, err)

    def _sweep(self) -> None:
        """Leave nothing stopped, and nothing at all after a run that did not end."""
        for process in self._workshop.processes():
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGCONT)
        if self._console is not None and self._console.poll() is None:
            self._console.kill()
            self._console.wait()

    async def _watch(self) -> None:
        """Follow the tape's end, through every outage."""
        while True:
            with contextlib.suppress(UnavailableError, OSError, ValueError, TimeoutError):
                text = self._home.config_path.read_text(encoding="utf-8")
                client = await connect(
                    json.loads(text)["nats"]["url"],
                    name=CONSOLE_USER,
                    login=login_here(self._home, CONSOLE_USER),
                    timeout_s=1,
                )
                try:
                    while True:
                        async with asyncio.timeout(ANSWER_S_MAX):
                            self._end = (await JetStreamTape(client, "").bounds()).last
                        await asyncio.sleep(POLL_S)
                finally:
                    await client.close()
            await asyncio.sleep(POLL_S)

    async def _disturb(self, moments: Sequence[Moment], last_seq: int, began_s: float) -> None:
        async with asyncio.TaskGroup() as group:
            for moment in moments:
                while self._end < max(moment.share * last_seq, 1):
                    await asyncio.sleep(POLL_S)
                for act in moment.acts:
                    group.create_task(self._do(act, began_s))

    async def _do(self, act: Act, began_s: float) -> None:
        await asyncio.sleep(act.delay_s)
        found = await self._search(act.target)
        moment = f"{time.monotonic() - began_s:6.2f} s, tape at {self._end}: {act}"
        self.done.append(moment if found else f"{moment}: it was not there")
        if act.action == "kill":
            _signal(found[:1], signal.SIGKILL)
            return
        _signal(found, signal.SIGSTOP)
        try:
            await asyncio.sleep(act.stop_s)
        finally:
            _signal(found, signal.SIGCONT)

    async def _search(self, target: str) -> list[psutil.Process]:
        """Return a process, and after it those that a stop must stop with it."""
        deadline_s = time.monotonic() + SEARCH_S
        while time.monotonic() < deadline_s:
            with contextlib.suppress(psutil.Error):
                if found := self._find(target):
                    return found
            await asyncio.sleep(POLL_S)
        return []

    def _find(self, target: str) -> list[psutil.Process]:
        assert self._console is not None
        console = psutil.Process(self._console.pid)
        if target == CONSOLE:
            return [console]
        commands = {process: process.cmdline() for process in console.children()}
        # A desk that cannot get its servers at its start says so and ends: that is no trouble
        # to be survived. From its first service on it is.
        if not any(_is_service(command) for command in commands.values()):
            return []
        for process, command in commands.items():
            if _is(target, command):
                return [process, *process.children(recursive=True)]
        return []


def _is_service(command: Sequence[str]) -> bool:
    return any(_is(service, command) for service in SERVICES)


def _is(target: str, command: Sequence[str]) -> bool:
    program = PROGRAMS.get(target)
    if program is None:
        return f"services.{target}.main" in command
    return bool(command) and Path(command[0]).name == program


def _signal(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):  # gone meanwhile; its number may be another's
            process.send_signal(number)
