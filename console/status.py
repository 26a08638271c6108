"""`tapedeck status` and `tapedeck down`: the desk that runs in a state folder."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from console.control import configured_strategies, state_of
from console.deployed import Address
from console.home import home_of
from console.output import print_json, show_rows
from console.running import Place, find_desk, open_books, open_tape
from console.services import SERVICES, ask_health, is_standby
from console.view.picture import holdings_of
from services.ledger.queries import equity_curve, list_positions
from shared.domain.errors import UnavailableError
from shared.runtime.exits import Exit
from shared.subjects import lane

DOWN_TIMEOUT_S = 90.0  # every service's own limit, one after another, and the servers
POLL_S = 0.1


def status(state: Path | None, *, as_json: bool) -> int:
    """Print how the desk is; return 0 when every service is ready, else 3."""
    found = asyncio.run(_status(find_desk(state)))
    services = found["services"]
    assert isinstance(services, list)
    if as_json:
        print_json(found)
    else:
        _show(found)
    is_ready = all(service["ready"] for service in services)
    return Exit.OK if is_ready else Exit.UNAVAILABLE


def down(state: Path | None, *, as_json: bool) -> None:
    """Ask the desk to stop, and wait until it has."""
    home = home_of(state)
    record = home.record()
    if record is None:
        raise UnavailableError(f"no desk runs in {home.path}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(record.pid, signal.SIGTERM)
    deadline_s = time.monotonic() + DOWN_TIMEOUT_S
    while home.is_claimed():
        if time.monotonic() > deadline_s:
            raise UnavailableError(
                f"the desk (process {record.pid}) did not stop within {DOWN_TIMEOUT_S:.0f} s"
            )
        time.sleep(POLL_S)
    if as_json:
        print_json({"stopped": record.pid})
    else:
        print(f"the desk in {home.path} has stopped")


async def _status(place: Place) -> dict[str, object]:
    async with open_tape(place) as tape, open_books(place) as engine:
        bounds = await tape.bounds()
        halted = await tape.last(f"{lane('risk', place.book)}.halted")
        resumed = await tape.last(f"{lane('risk', place.book)}.resumed")
        is_halted = halted is not None and (resumed is None or resumed.seq < halted.seq)
        strategies = {name: await state_of(tape, name) for name in configured_strategies(place)}
        positions = await list_positions(engine, place.book)
        points = await equity_curve(engine, place.book, 1)
        tape_id = tape.id
    return {
        "pid": place.record.pid if place.record else None,
        "book": place.book,
        "halted": is_halted,
        "tape": {"id": tape_id, "first": bounds.first, "last": bounds.last},
        "services": [await _service(place, name) for name in _instances(place)],
        "strategies": strategies,
        "positions": {one.symbol: f"{one.quantity:f}" for one in holdings_of(positions, {})},
        "cash": f"{points[-1].cash:f}" if points else None,
        "equity": f"{points[-1].equity:f}" if points else None,
    }


def _instances(place: Place) -> Iterable[str]:
    return place.instances or SERVICES


async def _service(place: Place, name: str) -> dict[str, object]:
    host, port = place.instances.get(name, Address("", 0))
    report = await ask_health(port, host) if port else None
    if report is None:
        return {"service": name, "ready": False, "lag": None, "port": port, "detail": "no answer"}
    told = [f"{key}: {check.detail}" for key, check in report.checks.items() if not check.ok]
    if is_standby(report):
        told.append("stands by")
    lag = max((actor.lag for actor in report.actors.values()), default=0)
    return {
        "service": name,
        "ready": report.ready,
        "lag": lag,
        "port": port,
        "detail": "; ".join(told),
    }


def _show(found: dict[str, object]) -> None:
    services, tape = found["services"], found["tape"]
    assert isinstance(services, list)
    assert isinstance(tape, dict)
    rows = [{**service, "port": str(service["port"])} for service in services]  # no 8,101
    show_rows(
        rows, ("service", "ready", "lag", "port", "detail"), as_json=False, empty="no services"
    )
    halted = "  HALTED: nothing opens until `tapedeck resume`" if found["halted"] else ""
    process = f", process {found['pid']}" if found["pid"] else ""
    print(f"book {found['book']}{process}{halted}")
    print(f"tape {tape['id']}, {tape['first']} to {tape['last']}")
    print(f"cash {found['cash'] or '-'}, equity {found['equity'] or '-'}")
    for title in ("positions", "strategies"):
        values = found[title]
        assert isinstance(values, dict)
        text = ", ".join(f"{name} {value}" for name, value in values.items()) or "none"
        print(f"{title}: {text}")
