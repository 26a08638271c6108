"""How the other commands reach a desk: the one that runs in the state folder, or the servers
that the configuration names. To read what a desk left behind, its servers are woken for a moment.
"""

import json
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, urlsplit, urlunsplit

from nats.aio.client import Client

from console.configuration import DEMO, Sources, load_desk
from console.deployed import INSTANCES_VARIABLE, Address, instances
from console.embedded.nats import EmbeddedNats
from console.embedded.nkey_files import read_key, seed_path
from console.embedded.postgres import ROLE, EmbeddedPostgres
from console.home import DeskRecord, Home, home_of
from shared.config.desk import NatsSettings
from shared.domain.errors import UnavailableError
from shared.permissions import CONSOLE
from shared.tape.client import Login, connect, login_of, tls_of
from shared.tape.jetstream import JetStreamTape

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

TIMEOUT_S = 5.0


class Place(NamedTuple):
    """Where a desk can be reached. `record` is None when it does not run on this machine.

    `resting` is the state folder of a desk that does not run; its servers have to be woken.
    `deployed` are the instances of a desk of containers (`console.deployed`), and `config_path`
    is where its configuration in effect stands.
    """

    book: str
    nats: NatsSettings
    login: Login
    postgres_url: str
    record: DeskRecord | None
    resting: Path | None = None
    deployed: Mapping[str, Address] = {}
    config_path: Path | None = None

    @property
    def instances(self) -> Mapping[str, Address]:
        """Where each instance of the desk's services answers, as far as is known here."""
        if self.record is None:
            return self.deployed
        ports = self.record.ports
        return {name: Address("127.0.0.1", port) for name, port in ports.items()}


def find_desk(state: Path | None, *, may_rest: bool = False) -> Place:
    """Return the desk that runs in the state folder, else what the configuration names.

    With `may_rest`, one that has run in the folder will do. Raises UnavailableError when there
    is none.
    """
    home = home_of(state)
    record = home.record()
    desk = load_desk(Sources(default_profile=DEMO))
    postgres_url = desk.postgres.url.get_secret_value()
    if record is None:
        if may_rest and (home.path / "nats").is_dir() and not home.is_claimed():
            book = desk.book  # of a tape that was imported, before its first start
            if home.config_path.exists():
                book = str(json.loads(home.config_path.read_bytes())["book"])
            return Place(book, desk.nats, Login(CONSOLE), "", None, resting=home.path)
        if not (desk.names_nats and desk.names_postgres):
            raise UnavailableError(
                f"no desk runs in {home.path}: start one with `tapedeck up`,"
                " or name its folder with --state"
            )
        login = login_of(desk.nats, CONSOLE)
        deployed = instances(os.environ.get(INSTANCES_VARIABLE, ""))
        place = Place(desk.book, desk.nats, login, postgres_url, None, deployed=deployed)
        return place._replace(config_path=home.config_path if deployed else None)
    if record.has_own_nats:
        nats, login = NatsSettings(url=record.nats_url), login_here(home, CONSOLE)
    else:
        nats = desk.nats.model_copy(update={"url": record.nats_url})
        login = login_of(nats, CONSOLE)
    if record.has_own_postgres:
        postgres_url = with_password(record.postgres_url, home.password("postgres", ROLE))
    config_path = Path(record.config_path)
    return Place(record.book, nats, login, postgres_url, record, config_path=config_path)


def login_here(home: Home, user: str) -> Login:
    """Return how a user logs in at the server of the desk in `home`."""
    return Login(user, seed=read_key(seed_path(home.path, user)).seed)


async def connect_to(place: Place) -> Client:
    """Connect as the operator."""
    return await connect(
        place.nats.url,
        name=place.login.user or CONSOLE,
        login=place.login,
        timeout_s=place.nats.connect_timeout_s,
        tls=tls_of(place.nats),
    )


@asynccontextmanager
async def open_tape(place: Place) -> AsyncIterator[JetStreamTape]:
    """Connect as the operator and yield the tape."""
    with _nats_awake(place) as awake:
        client = await connect_to(awake)
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
def _nats_awake(place: Place) -> Iterator[Place]:
    """Yield where the server answers, one that is stopped again when it was not running."""
    if place.resting is None:
        yield place
        return
    with EmbeddedNats(place.resting, book=place.book) as server:
        yield place._replace(nats=NatsSettings(url=server.url), login=server.login(CONSOLE))


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
