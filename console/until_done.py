"""A run over files: watch it play, wait until the books are closed, say what came of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TextIO

from nats.aio.client import Client
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from sqlalchemy import select

from console.desk import Desk
from console.plan import Extent
from services.ledger.adapters.engine import database
from services.ledger.queries import RunSummary, summary
from services.ledger.schema import ledger_cursor
from shared.domain.errors import UnavailableError
from shared.permissions import CONSOLE
from shared.tape.interface import Bounds, Tape
from shared.tape.jetstream import JetStreamTape

POLL_S = 0.1
PAUSE_WITHOUT_BAR_S = 5.0  # between two lines where there is no terminal to draw a bar on
SETTLED_S = 1.0  # a paced run has ended when the tape has not grown for so long
STALLED_S = 60.0  # without any progress of the ledger


class Result:
    """What one run did, ready to print."""

    def __init__(self, tape_id: str, bounds: Bounds, told: RunSummary, seconds: float) -> None:
        self._tape_id = tape_id
        self._bounds = bounds
        self._told = told
        self._seconds = seconds

    def document(self) -> dict[str, object]:
        """Return the run as JSON values; money and shares are decimal text."""
        told = self._told
        return {
            "bars": told.bars,
            "signals": told.signals,
            "approved": told.approved,
            "denied": told.denied,
            "orders": told.orders,
            "fills": told.fills,
            "cash": f"{told.cash:f}",
            "equity": f"{told.equity:f}",
            "positions": {name: f"{told.positions[name]:f}" for name in sorted(told.positions)},
            "balanced": told.balanced,
            "faults": list(told.faults),
            "tape": {
                "id": self._tape_id,
                "first": self._bounds.first,
                "last": self._bounds.last,
            },
            "seconds": round(self._seconds, 3),
        }


async def follow_until_done(desk: Desk, started_s: float, screen: TextIO) -> Result:
    """Return the result once everything is played, answered and booked.

    `started_s` is the monotonic time at which the run began. A server that is away is waited for.
    Raises UnavailableError when the ledger makes no progress any more.
    """
    extent = desk.plan.extent
    client = await _connect(desk)
    try:
        tape = JetStreamTape(client, desk.tape_id)
        async with _progress(screen, extent) as bar:
            while not desk.played.is_set():
                with suppress(UnavailableError):
                    await bar.show(await _played_ns(tape, desk))
                await asyncio.sleep(POLL_S)
        bounds = await _wait_for_books(desk, tape)
        told = await _summary(desk)
        desk.is_finished = True
    finally:
        await client.close()
    return Result(desk.tape_id, bounds, told, time.monotonic() - started_s)


async def _played_ns(tape: Tape, desk: Desk) -> int:
    clock = await tape.last(f"data.{desk.plan.desk.data.feed}.clock")
    return clock.open()[0].ts_ns if clock is not None else 0


async def _connect(desk: Desk) -> Client:
    return await _patiently(lambda: desk.servers.connect(CONSOLE))


async def _summary(desk: Desk) -> RunSummary:
    async def ask() -> RunSummary:
        async with database(desk.servers.postgres_url) as engine:
            return await summary(engine, desk.tape_id, desk.plan.desk.book)

    return await _patiently(ask)


async def _patiently[T](ask: Callable[[], Awaitable[T]]) -> T:
    """Return the answer of a server that may be starting again just now."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + STALLED_S
    while True:
        try:
            return await ask()
        except UnavailableError:
            if loop.time() > deadline_s:
                raise
        await asyncio.sleep(POLL_S)


async def _wait_for_books(desk: Desk, tape: Tape) -> Bounds:
    """Return the tape's bounds once the ledger has stored all of it."""
    loop = asyncio.get_running_loop()
    settled_s = 0.0 if desk.plan.desk.tape.lockstep else SETTLED_S
    end = stored = -1
    grown_s = moved_s = loop.time()
    while True:
        try:
            bounds, position = await tape.bounds(), await _cursor(desk)
        except UnavailableError:
            bounds, position = Bounds(1, end), stored  # away: nothing new is known
        now_s = loop.time()
        if bounds.last != end:
            end, grown_s = bounds.last, now_s
        if position != stored:
            stored, moved_s = position, now_s
        if stored >= end >= 0 and now_s - grown_s >= settled_s:
            return bounds
        if now_s - moved_s > STALLED_S:
            raise UnavailableError(
                f"the ledger stands at {stored} of {end} and has not moved for {STALLED_S:.0f} s:"
                f" see {desk.services['ledger'].log_path}"
            )
        await asyncio.sleep(POLL_S)


async def _cursor(desk: Desk) -> int:
    query = select(ledger_cursor.c.seq).where(
        ledger_cursor.c.tape_id == desk.tape_id, ledger_cursor.c.book == desk.plan.desk.book
    )
    async with database(desk.servers.postgres_url) as engine, engine.connect() as connection:
        found = (await connection.execute(query)).scalar_one_or_none()
    return int(found or 0)


class _Bar:
    """A progress bar on a terminal, else a line now and then."""

    def __init__(self, screen: TextIO, extent: Extent | None, progress: Progress | None) -> None:
        self._screen = screen
        self._extent = extent
        self._progress = progress
        self._task: TaskID | None = None
        self._told_s = time.monotonic()
        if progress is not None and extent is not None:
            self._task = progress.add_task(f"{extent.bars:,} bars", total=1.0)

    async def show(self, played_ns: int) -> None:
        """Say how far it is."""
        if self._extent is None or not played_ns:
            return
        length_ns = max(self._extent.last_ns - self._extent.first_ns, 1)
        share = min(max((played_ns - self._extent.first_ns) / length_ns, 0.0), 1.0)
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, completed=share)
        elif time.monotonic() - self._told_s > PAUSE_WITHOUT_BAR_S:
            self._told_s = time.monotonic()
            moment = time.strftime("%Y-%m-%d %H:%M", time.gmtime(played_ns // 1_000_000_000))
            print(f"played up to {moment} UTC, {share:.0%}", file=self._screen, flush=True)


@asynccontextmanager
async def _progress(screen: TextIO, extent: Extent | None) -> AsyncIterator[_Bar]:
    if not screen.isatty():
        yield _Bar(screen, extent, None)
        return
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=screen), transient=True) as progress:
        yield _Bar(screen, extent, progress)
