"""`tapedeck validate`: everything a desk needs, checked one by one, each with what to do.

Works while a desk runs and while none does; it starts no server and changes nothing.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from msgspec import Struct

from console.configuration import DEMO, DeskConfiguration, Sources, load_desk
from console.embedded import programs
from console.failure import exit_code
from console.home import DeskRecord, Home, home_of
from console.output import print_json
from console.plan import check_files, check_ports, check_strategies
from console.running import TIMEOUT_S, Place, connect_to, find_desk, login_here, open_tape
from shared.domain.errors import ConfigurationError, TapedeckError, UnavailableError
from shared.permissions import SERVICE_USERS, permissions
from shared.runtime.exits import Exit
from shared.subjects import matches
from shared.tape.client import Login, connect

FREE_BYTES_MIN = 1_000_000_000  # a day of ticks of a few hundred symbols
NATS_OLDEST = (2, 12)
REFUSED_S = 1.0  # the server tells a violation at once


class Check(Struct, frozen=True):
    """One finding. `detail` says what was found, or what is wrong and what to do."""

    name: str
    ok: bool
    detail: str
    code: int = Exit.OK


type Step = Callable[[], Awaitable[str]]


def validate(sources: Sources, state: Path | None, *, as_json: bool) -> int:
    """Print every check; return 0, or the exit code of the first that failed."""
    checks = asyncio.run(_run(sources, home_of(state), state))
    failed = [check for check in checks if not check.ok]
    if as_json:
        shown = [{"check": c.name, "ok": c.ok, "detail": c.detail} for c in checks]
        print_json({"ok": not failed, "checks": shown})
    else:
        for check in checks:
            print(f"{'ok    ' if check.ok else 'FAILED'}  {check.name:14} {check.detail}")
    return failed[0].code if failed else Exit.OK


async def _run(sources: Sources, home: Home, state: Path | None) -> list[Check]:
    try:
        desk = load_desk(sources._replace(default_profile=DEMO))
    except ConfigurationError as error:
        return [Check("configuration", False, str(error), Exit.BAD_INPUT)]  # noqa: FBT003
    record = home.record()
    checks = [Check("configuration", True, "every key is known and in range")]  # noqa: FBT003
    place = find_desk(state) if record or (desk.names_nats and desk.names_postgres) else None
    steps: dict[str, Step] = {
        "state folder": _Local(desk, home, record).state_folder,
        "ports": _Local(desk, home, record).ports,
        "strategies": _Local(desk, home, record).strategies,
        "data": _Local(desk, home, record).data,
        "nats": _Nats(desk, place).version,
        "tape": _Nats(desk, place).tape,
        "permissions": _Nats(desk, place, home).permissions,
        "postgres": _Postgres(desk, place).reach,
        "migrations": _Postgres(desk, place).migrations,
    }
    for name, step in steps.items():
        checks.append(await _check(name, step))
    return checks


async def _check(name: str, step: Step) -> Check:
    try:
        return Check(name, True, await step())  # noqa: FBT003
    except TapedeckError as error:
        return Check(name, False, str(error), exit_code(error))  # noqa: FBT003


class _Local:
    """What can be checked without a server."""

    def __init__(self, desk: DeskConfiguration, home: Home, record: DeskRecord | None) -> None:
        self._desk = desk
        self._home = home
        self._record = record

    async def state_folder(self) -> str:
        self._home.prepare()
        free = shutil.disk_usage(self._home.path).free
        if free < FREE_BYTES_MIN:
            raise UnavailableError(
                f"{self._home.path} has {free // 1_000_000} MB left: free some or choose another"
                " folder with --state"
            )
        return f"{self._home.path} is writable, {free // 1_000_000_000} GB are free"

    async def ports(self) -> str:
        if self._record is not None:
            return f"in use by the desk that runs here (process {self._record.pid})"
        check_ports(self._desk)
        return "the services' ports are free"

    async def strategies(self) -> str:
        check_strategies(self._desk)
        return ", ".join(sorted(self._desk.strategies)) or "none is configured"

    async def data(self) -> str:
        if self._desk.data.feed != "file":
            return f"feed {self._desk.data.feed}: no files are read"
        extent, timeframe = check_files(self._desk)
        return f"{extent.bars:,} bars of {timeframe} are sound"


class _Nats:
    """The tape's server: reachable, new enough, with the tape, keeping everybody to his lane."""

    def __init__(
        self, desk: DeskConfiguration, place: Place | None, home: Home | None = None
    ) -> None:
        self._desk = desk
        self._place = place
        self._home = home

    async def version(self) -> str:
        if self._place is None:
            return f"will be started here ({programs.nats_server()})"
        client = await connect_to(self._place)
        told = client.connected_server_version
        await client.close()
        if (told.major, told.minor) < NATS_OLDEST:
            raise UnavailableError(
                f"the server at {self._place.nats.url} is version {told.major}.{told.minor}:"
                " the tape needs 2.12 or later"
            )
        return f"{self._place.nats.url} answers, version {told.major}.{told.minor}.{told.patch}"

    async def tape(self) -> str:
        if self._place is None:
            return "will be made or continued by `tapedeck up`"
        async with open_tape(self._place) as tape:
            bounds = await tape.bounds()
            return f"tape {tape.id} holds {bounds.first} to {bounds.last}"

    async def permissions(self) -> str:
        """Try, as each service, to speak on a lane of somebody else; the server must refuse."""
        record = self._place.record if self._place else None
        if self._place is None:
            return "one zone a user will be set up"
        if record is None or not record.has_own_nats or self._home is None:
            return "the server's own users are not known here: see docs/security.md"
        for user in SERVICE_USERS:
            foreign = _foreign_subject(user, record.book)
            if not await _is_refused(self._place, login_here(self._home, user), foreign):
                raise ConfigurationError(
                    f"user {user} may publish on {foreign}: give it the permissions of"
                    " shared.permissions"
                )
        return f"{', '.join(SERVICE_USERS)} are each kept to their own lanes"


class _Postgres:
    """The audit trail's database: reachable and at this release's tables."""

    def __init__(self, desk: DeskConfiguration, place: Place | None) -> None:
        self._timeout_s = desk.postgres.connect_timeout_s
        self._place = place

    async def reach(self) -> str:
        if self._place is None:
            return f"will be started here ({programs.postgres().postgres})"
        await self._revision(self._place.postgres_url)
        return "answers"

    async def migrations(self) -> str:
        from services.ledger.schema import REVISION  # noqa: PLC0415

        if self._place is None:
            return "will be applied by `tapedeck up`"
        found = await self._revision(self._place.postgres_url)
        if found != REVISION:
            raise UnavailableError(
                f"the database stands at {found or 'no migration'}, this release needs {REVISION}:"
                " run `tapedeck init`"
            )
        return f"at {found}, this release's"

    async def _revision(self, url: str) -> str | None:
        from services.ledger.migrate import current  # noqa: PLC0415 - Alembic takes half a second

        return await current(url, self._timeout_s)


def _foreign_subject(user: str, book: str) -> str:
    """Return a subject that is not the user's: on the lane of the next service."""
    allowed = permissions(user, book).publish
    for service in ("risk", "execution"):
        subject = f"{service}.{book}.validate"
        if not any(matches(pattern, subject) for pattern in allowed):
            return subject
    raise AssertionError("no user owns both lanes")


async def _is_refused(place: Place, login: Login, subject: str) -> bool:
    """Publish one empty message to nobody's harm: JetStream refuses it by its expected stream."""
    refused = asyncio.Event()

    async def on_error(error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            refused.set()

    client = await connect(place.nats.url, name=str(login.user), login=login, timeout_s=TIMEOUT_S)
    client._error_cb = on_error  # noqa: SLF001 - `connect` keeps it for its own sentence
    try:
        # Should it be let through, the header keeps it off the tape.
        await client.publish(subject, b"", headers={"Nats-Expected-Stream": "NOT-THE-TAPE"})
        await client.flush()
        async with asyncio.timeout(REFUSED_S):
            await refused.wait()
    except TimeoutError:
        return False
    finally:
        await client.close()
    return True
