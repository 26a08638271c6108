"""`tapedeck up`: everything on this machine, from nothing to a desk that trades, and back."""

import asyncio
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

from console.configuration import DeskConfiguration
from console.desk import Desk, write_effective_config
from console.home import STATE_VARIABLE, Home, home_of, temporary_home
from console.plan import Plan, UpOptions, make_plan
from console.servers import Servers, prepare_database, prepare_tape
from console.until_done import Result, follow_until_done


class Manner(NamedTuple):
    """How the run is shown: `plain` is without the live view."""

    as_json: bool = False
    plain: bool = False


def tell(text: str) -> None:
    """Say something on standard error: the output proper stays clean."""
    print(text, file=sys.stderr, flush=True)


def up(options: UpOptions, state: Path | None, manner: Manner) -> Result | None:
    """Run the desk until it is done or stopped; return what a run over files did.

    Raises ConfigurationError and DataError before anything is started, UnavailableError when a
    server or a port cannot be had, ServiceFailedError when a service is beyond help.
    """
    started_s = time.monotonic()
    plan = make_plan(options)
    for note in plan.notes:
        tell(f"note: {note}")
    is_temporary = plan.until_done and state is None and not os.environ.get(STATE_VARIABLE)
    home = temporary_home() if is_temporary else home_of(state)
    try:
        result = _run(home, plan, manner, started_s)
    except Exception:
        if is_temporary:
            _keep_or_remove(home)
        raise
    except KeyboardInterrupt:
        if is_temporary:
            shutil.rmtree(home.path, ignore_errors=True)
        raise
    if is_temporary:
        shutil.rmtree(home.path, ignore_errors=True)
    return result


def _run(home: Home, plan: Plan, manner: Manner, started_s: float) -> Result | None:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with home.claim():
        servers = Servers(home, plan.desk)
        if not plan.until_done:
            tell(f"starting NATS and PostgreSQL in {home.path}")
        with servers:
            result = asyncio.run(_Session(home, plan, servers, manner, started_s).run())
    if plan.until_done and result is None:
        raise KeyboardInterrupt
    return result


def _keep_or_remove(home: Home) -> None:
    """Keep the state of a failed run for its inquest, unless nothing was recorded yet."""
    if any(home.logs.glob("*.log")):
        tell(f"note: the tape and the logs of this run are kept in {home.path}")
    else:
        shutil.rmtree(home.path, ignore_errors=True)


class _Session:
    """One run, from the servers' start to the services' end."""

    def __init__(
        self, home: Home, plan: Plan, servers: Servers, manner: Manner, started_s: float
    ) -> None:
        self._home = home
        self._plan = plan
        self._servers = servers
        self._manner = manner
        self._started_s = started_s
        self._stop = asyncio.Event()
        self._result: Result | None = None
        self._desk: Desk | None = None

    async def run(self) -> Result | None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        tape_id = await self._prepare(self._plan.desk)
        write_effective_config(self._home, self._plan, self._servers, tape_id)
        self._desk = desk = Desk(self._home, self._plan, self._servers, tape_id, self._tell)
        work = self._play if self._plan.until_done else self._live
        await desk.run(lambda: self._unless_stopped(work))
        return self._result

    async def _prepare(self, desk: DeskConfiguration) -> str:
        explicit = desk.tape.id is not None
        tape_id = await prepare_tape(self._servers, self._plan.tape_id, must_match=explicit)
        applied = await prepare_database(self._servers, desk.postgres.connect_timeout_s)
        if applied:
            self._tell(f"database migrated to {applied[-1]}")
        return tape_id

    def _on_signal(self) -> None:
        if self._stop.is_set() and self._desk is not None:
            self._desk.hurry()
        self._stop.set()

    def _tell(self, text: str) -> None:
        if not self._plan.until_done:
            tell(text)

    async def _unless_stopped(self, work: Callable[[], Awaitable[None]]) -> None:
        async def job() -> None:
            await work()

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(job()), group.create_task(self._stopped())]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        if self._stop.is_set():  # said once the live view is off the screen
            self._tell("stopping")

    async def _stopped(self) -> None:
        await self._stop.wait()

    async def _play(self) -> None:
        assert self._desk is not None
        self._result = await follow_until_done(self._desk, self._started_s, sys.stderr)

    async def _live(self) -> None:
        from console.view.live import follow  # noqa: PLC0415 - Rich's widgets, only when needed

        assert self._desk is not None
        await self._desk.wait_ready()
        await follow(self._desk, as_json=self._manner.as_json, plain=self._manner.plain)
