"""How the other commands reach a desk: the one that runs in the state folder, or the servers
that the configuration names. To read what a desk left behind, its servers are woken for a moment.
"""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from nats.aio.client import Client

from console.configuration import DEMO, Sources, load_desk
from console.embedded.nats import EmbeddedNats
from console.embedded.postgres import ROLE, EmbeddedPostgres
from console.home import DeskRecord, home_of
from shared.domain.errors import UnavailableError
from shared.permissions import CONSOLE
from shared.tape.client import connect
from shared.tape.jetstream import JetStreamTape

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

TIMEOUT_S = 5.0


class Place(NamedTuple):
    """Where a desk can be reached. `record` is None when it does not run on this machine.

    `resting` is the state folder of a desk that does not run; its servers have to be woken.
    """

    book: str
    nats_url: str
    nats_user: str | None
    nats_password: str | None
    postgres_url: str
    record: DeskRecord | None
    resting: Path | None = None


def find_desk(state: Path | None, *, may_rest: bool = False) -> Place:
    """Return the desk that runs in the state folder, else what the configuration names.

    With `may_rest`, one that has run in the folder will do. Raises UnavailableError when there
    is none.
    """
    home = home_of(state)
    record = home.record()
    desk = load_desk(Sources(default_profile=DEMO))
    password = desk.nats.password.get_secret_value() if desk.nats.password else None
    postgres_url = desk.postgres.url.get_secret_value()
    if record is None:
        if may_rest and home.config_path.exists() and not home.is_claimed():
            book = str(json.loads(home.config_path.read_bytes())["book"])
            return Place(book, "", CONSOLE, None, "", None, resting=home.path)
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
    with _nats_awake(place) as (url, password):
        client: Client = await connect(
            url,
            name=place.nats_user or CONSOLE,
            user=place.nats_user,
            password=password,
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

    with _postgres_awake(place) as url:
        async with database(url, TIMEOUT_S) as engine:
            yield engine


@contextmanager
def _nats_awake(place: Place) -> Iterator[tuple[str, str | None]]:
    """Yield url and password, of a server that is stopped again when it was not running."""
    if place.resting is None:
        yield place.nats_url, place.nats_password
        return
    with EmbeddedNats(place.resting, book=place.book) as server:
        yield server.url, server.password(CONSOLE)


@contextmanager
def _postgres_awake(place: Place) -> Iterator[str]:
    if place.resting is None:
        yield place.postgres_url
        return
    with EmbeddedPostgres(place.resting) as server:
        yield server.url


def with_password(url: str, password: str) -> str:
    """Return a URL with the password put in."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:{quote(password, safe='')}@{host}"))
