"""How the other commands reach a desk: the one that runs in the state folder, or the servers
that the configuration names.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from nats.aio.client import Client

from console.configuration import DEMO, Sources, load_desk
from console.embedded.postgres import ROLE
from console.home import DeskRecord, home_of
from shared.domain.errors import UnavailableError
from shared.permissions import CONSOLE
from shared.tape.client import connect
from shared.tape.jetstream import JetStreamTape

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

TIMEOUT_S = 5.0


class Place(NamedTuple):
    """Where a desk can be reached. `record` is None when it does not run on this machine."""

    book: str
    nats_url: str
    nats_user: str | None
    nats_password: str | None
    postgres_url: str
    record: DeskRecord | None


def find_desk(state: Path | None) -> Place:
    """Return the desk that runs in the state folder, else what the configuration names.

    Raises UnavailableError when there is neither.
    """
    home = home_of(state)
    record = home.record()
    desk = load_desk(Sources(default_profile=DEMO))
    password = desk.nats.password.get_secret_value() if desk.nats.password else None
    postgres_url = desk.postgres.url.get_secret_value()
    if record is None:
        if not (desk.names_nats and desk.names_postgres):
            raise UnavailableError(
                f"no desk runs in {home.path}: start one with `tapedeck up`,"
                " or name its folder with --state"
            )
        return Place(desk.book, desk.nats.url, desk.nats.user, password, postgres_url, None)
    nats_user = desk.nats.user
    if record.has_own_nats:
        nats_user, password = CONSOLE, home.password("nats", CONSOLE)
    if record.has_own_postgres:
        postgres_url = with_password(record.postgres_url, home.password("postgres", ROLE))
    return Place(record.book, record.nats_url, nats_user, password, postgres_url, record)


@asynccontextmanager
async def open_tape(place: Place) -> AsyncIterator[JetStreamTape]:
    """Connect as the operator and yield the tape."""
    client: Client = await connect(
        place.nats_url,
        name=place.nats_user or CONSOLE,
        user=place.nats_user,
        password=place.nats_password,
        timeout_s=TIMEOUT_S,
    )
    try:
        yield await JetStreamTape.open(client)
    finally:
        await client.close()


@asynccontextmanager
async def open_books(place: Place) -> AsyncIterator["AsyncEngine"]:
    """Connect to the audit trail."""
    # SQLAlchemy takes half a second, which `kill` must not wait for.
    from services.ledger.adapters.engine import database  # noqa: PLC0415

    async with database(place.postgres_url, TIMEOUT_S) as engine:
        yield engine


def with_password(url: str, password: str) -> str:
    """Return a URL with the password put in."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{quote(password, safe='')}@{host}"))
