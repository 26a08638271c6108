"""`tapedeck init`: the tape and the tables, without a desk."""

import asyncio
from pathlib import Path

from console.configuration import DEMO, DeskConfiguration, Sources, load_desk
from console.home import home_of
from console.output import show_document
from console.servers import Servers, prepare_database, prepare_tape


def init(sources: Sources, state: Path | None, *, as_json: bool) -> None:
    """Make what is missing, in the state folder or on the servers that the configuration names."""
    desk = load_desk(sources._replace(default_profile=DEMO))
    home = home_of(state)
    with home.claim(), Servers(home, desk) as servers:
        document = asyncio.run(_prepare(desk, servers))
    show_document(document, as_json=as_json, title="Ready")


async def _prepare(desk: DeskConfiguration, servers: Servers) -> dict[str, object]:
    wanted = desk.tape.id
    tape_id = await prepare_tape(servers, wanted, must_match=wanted is not None)
    applied = await prepare_database(servers, desk.postgres.connect_timeout_s)
    return {"tape": tape_id, "migrations": applied}
