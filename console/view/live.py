"""The loop of the live view, and of the plain lines that stand in for it without a terminal."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console
from rich.live import Live

from console.describe import moment, money
from console.desk import Desk
from console.output import print_json
from console.view.drawing import draw
from console.view.picture import Picture
from console.view.watch import Watch
from services.ledger.adapters.engine import database
from shared.permissions import CONSOLE
from shared.tape.jetstream import JetStreamTape

DRAWN_EVERY_S = 0.5  # half of what a person would call at once, and little work
LINE_EVERY_S = 5.0


async def follow(desk: Desk, *, as_json: bool, plain: bool) -> None:
    """Show the desk until cancelled: drawn on a terminal, else as lines on standard output."""
    async with _watching(desk) as picture:
        if as_json or plain or not sys.stdout.isatty():
            await _print_lines(picture, as_json=as_json)
        else:
            await _draw(desk, picture)


@asynccontextmanager
async def _watching(desk: Desk) -> AsyncIterator[Picture]:
    settings = desk.plan.desk
    picture = Picture(
        title=f"{settings.book} · {settings.mode} · {settings.data.feed} {settings.data.speed}",
        strategies=dict.fromkeys(sorted(settings.strategies), "inactive"),
        starting_equity=settings.execution.paper.starting_cash,
    )
    client = await desk.servers.connect(CONSOLE)
    try:
        tape = await JetStreamTape.open(client)
        async with database(desk.servers.postgres_url) as engine, asyncio.TaskGroup() as group:
            watch = Watch(desk, client, tape, engine, picture)
            tasks = [group.create_task(watch.follow_tape()), group.create_task(watch.poll())]
            try:
                yield picture
            finally:
                for task in tasks:
                    task.cancel()
    finally:
        await client.close()


async def _draw(desk: Desk, picture: Picture) -> None:
    console = Console()
    logs = str(desk.home.logs)
    tell, desk.tell = desk.tell, picture.complain
    try:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            while True:
                if picture.has_changed:
                    picture.has_changed = False
                    live.update(draw(picture, *console.size, logs), refresh=True)
                await asyncio.sleep(DRAWN_EVERY_S)
    finally:
        desk.tell = tell


async def _print_lines(picture: Picture, *, as_json: bool) -> None:
    while True:
        await asyncio.sleep(1.0 if picture.cash is None else LINE_EVERY_S)
        if as_json:
            print_json(status_document(picture))
        else:
            print(status_line(picture), flush=True)
        sys.stdout.flush()


def status_line(picture: Picture) -> str:
    """Return the state of the desk in one line."""
    ready = sum(health.is_ready for health in picture.services.values())
    held = ", ".join(f"{one.quantity:f} {one.symbol}" for one in picture.holdings) or "no positions"
    equity, day = picture.equity, picture.day_pnl
    worth = "equity -" if equity is None else f"equity {money(equity)}"
    change = "" if day is None else f" (day {day:+,.2f})"
    played = moment(picture.clock.ts_ns) if picture.clock is not None else "-"
    line = (
        f"{time.strftime('%H:%M:%S')} tape {picture.tape_end:,} +{picture.rate:,.0f}/s · {played}"
        f" UTC · {worth}{change} · {held} · {picture.counts.get('signal', 0)} signals,"
        f" {picture.counts.get('filled', 0)} fills · {ready}/{len(picture.services)} services ready"
    )
    return f"{line} · HALTED {picture.halted}" if picture.halted else line


def status_document(picture: Picture) -> dict[str, object]:
    """Return the same as JSON values."""
    return {
        "tape": picture.tape_end,
        "messages_per_s": round(picture.rate, 1),
        "feed_ts_ns": picture.clock.ts_ns if picture.clock is not None else None,
        "cash": None if picture.cash is None else f"{picture.cash:f}",
        "equity": None if picture.equity is None else f"{picture.equity:f}",
        "day_pnl": None if picture.day_pnl is None else f"{picture.day_pnl:f}",
        "positions": {one.symbol: f"{one.quantity:f}" for one in picture.holdings},
        "strategies": dict(picture.strategies),
        "counts": dict(sorted(picture.counts.items())),
        "services": {name: health.is_ready for name, health in picture.services.items()},
        "halted": picture.halted,
    }
