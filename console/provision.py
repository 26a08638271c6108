"""The one-shot jobs that prepare a desk of containers: `python -m console.provision JOB`.

    keys    nkeys, passwords and the configuration of the tape's server; needs no server
    roles   the logins of the database
    desk    roles, then the tape, its buckets and the tables, and the configuration in effect for
            the operator's commands, in the state folder

`keys` comes before the servers, which start from what it writes. All three may be repeated: what
is there stays. Each user has a folder of his own below SECRETS, so that a container is given one
folder and no other; a user without a folder is not set up.

    SECRETS/<user>/<user>.nk     his nkey's seed, 0600
    SECRETS/<user>/pgpass        his password at the database, where he has one, 0600
    SECRETS/postgres/password    the owner's, for the database server itself
    SECRETS/replica/pgpass       of who copies the database, where there is a copy, 0600
    SECRETS/nats/<server>.conf   public keys and rights; of a cluster also what its servers know
                                 each other by

TAPEDECK_NATS_CLUSTER names the servers of a cluster (`nats,nats-2,nats-3`); the streams then have a
copy on each. Without it there is one, `nats`.
"""

import asyncio
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from console.configuration import DEMO, DeskConfiguration, Sources, effective, load_desk
from console.embedded.nkey_files import kept_key
from console.failure import explained
from console.home import home_of
from console.nats_server import MEMBERS_BYTES_MAX, NatsServer, configuration
from console.provision_roles import LOGINS, OWNER, REPLICA, prepare_roles
from shared.config.desk import merge
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.permissions import ADMIN, MEMBERS_STREAM, SNAPSHOT_STREAM, TAPE_STREAM, USERS
from shared.tape.administration import set_replicas
from shared.tape.client import SEED_SUFFIX

SECRETS_VARIABLE = "TAPEDECK_SECRETS"
DEFAULT_SECRETS = "/secrets"
STORE_VARIABLE = "TAPEDECK_TAPE_BYTES_MAX"
STORE_BYTES_MAX = 50_000_000_000  # some hundred days of a desk with 500 symbols
STORE_BYTES_MIN = MEMBERS_BYTES_MAX + 1_000_000  # the server sets the bucket's part aside
STORE_DIR = "/tape/jetstream"
CLUSTER_VARIABLE = "TAPEDECK_NATS_CLUSTER"
SERVER = "nats"
REPLAY_SERVER = "nats-replay"  # for a copy of the tape, with the same keys
CLUSTER_SIZES = (1, 3, 5)  # a majority decides: of an even number it takes one more
ROUTE_PORT = 6222
MONITOR = "127.0.0.1:8222"  # for the health check inside the container, and nobody else
REPLICA_FOLDER = "replica"
_PASSWORD_BYTES = 24
_SERVER_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def make_keys(
    folder: Path, book: str, store_bytes_max: int, servers: Sequence[str] = (SERVER,)
) -> dict[str, object]:
    """Write what is missing below `folder`; return what is there, without a secret in it.

    Raises UnavailableError, naming the file, when one cannot be read or written.
    """
    users = [user for user in USERS if (folder / user).is_dir()]
    if not users:
        raise ConfigurationError(
            f"{folder} has no folder for any user: mount one for each of {', '.join(USERS)}"
        )
    public_keys = {user: kept_key(folder / user / f"{user}{SEED_SUFFIX}").public for user in users}
    owner = _kept_secret(folder / "postgres" / "password", _new_password, mode=0o644)
    logins = _pgpass_files(folder, owner)
    cluster = _cluster(folder, servers)
    for name in (*servers, REPLAY_SERVER):
        server = NatsServer(
            name=name,
            listen="0.0.0.0:4222",
            store_dir=STORE_DIR,
            store_bytes_max=store_bytes_max,
            public_keys=public_keys,
            book=book,
            extras={"http": MONITOR} | (cluster if name != REPLAY_SERVER else {}),
        )
        _write(folder / "nats" / f"{name}.conf", configuration(server), mode=0o600)
    return {"users": public_keys, "database": logins, "book": book, "servers": list(servers)}


def _cluster(folder: Path, servers: Sequence[str]) -> dict[str, object]:
    """Return how the servers of a cluster find each other, and know that it is them.

    Whoever could join as a server would stand outside of all zones.
    """
    if len(servers) == 1:
        return {}
    password = _kept_secret(folder / "nats" / "route", _new_password, mode=0o600)
    return {
        "cluster": {
            "name": "tapedeck",
            "listen": f"0.0.0.0:{ROUTE_PORT}",
            "authorization": {"user": "route", "password": password},
            "routes": [f"nats-route://route:{password}@{one}:{ROUTE_PORT}" for one in servers],
            "no_advertise": True,  # a name with all addresses is enough, and lasts
        }
    }


def _pgpass_files(folder: Path, owner_password: str) -> list[str]:
    """Write who logs in at the database, and how, as libpq and asyncpg read it."""
    made = []
    for user, login in LOGINS.items():
        if not (folder / user).is_dir():
            continue
        path = folder / user / "pgpass"
        if login == OWNER:
            _write(path, _pgpass_line(login, owner_password), mode=0o600)
        else:
            _kept_secret(path, partial(_new_pgpass, login), mode=0o600)
        made.append(login)
    if (folder / REPLICA_FOLDER).is_dir():
        _kept_secret(folder / REPLICA_FOLDER / "pgpass", partial(_new_pgpass, REPLICA), mode=0o600)
        made.append(REPLICA)
    return made


def password_in(pgpass: Path) -> str:
    """Return the password that a pgpass file of ours holds."""
    try:
        return pgpass.read_text(encoding="ascii").strip().rpartition(":")[2]
    except OSError as error:
        raise UnavailableError(f"cannot read {pgpass}: {error.strerror}") from None


def _pgpass_line(login: str, password: str) -> str:
    return f"*:*:*:{login}:{password}\n"


def _new_pgpass(login: str) -> str:
    return _pgpass_line(login, _new_password())


def _new_password() -> str:
    return secrets.token_hex(_PASSWORD_BYTES)


def _kept_secret(path: Path, make: Callable[[], str], *, mode: int) -> str:
    """Return what a file holds, written first when there is none."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        text = make()
    except OSError as error:
        raise UnavailableError(f"cannot read {path}: {error.strerror}") from None
    _write(path, text, mode=mode)
    return text


def _write(path: Path, text: str, *, mode: int) -> None:
    """Write a file whole, on disk when this returns."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            os.fchmod(descriptor, mode)  # whatever the mask says
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        part.replace(path)
    except OSError as error:
        raise UnavailableError(f"cannot write {path}: {error.strerror}") from None


async def make_roles(folder: Path, desk: DeskConfiguration) -> list[str]:
    """Let the services' logins in at the database; return them."""
    passwords = {
        login: password_in(folder / user / "pgpass")
        for user, login in LOGINS.items()
        if login != OWNER and (folder / user / "pgpass").exists()
    }
    of_replica = folder / REPLICA_FOLDER / "pgpass"
    if of_replica.exists():
        passwords[REPLICA] = password_in(of_replica)
    url = desk.postgres.url.get_secret_value()
    await prepare_roles(url, passwords, desk.postgres.connect_timeout_s)
    return list(passwords)


async def make_desk(folder: Path, desk: DeskConfiguration, copies: int = 1) -> dict[str, object]:
    """Prepare both servers; return what was found or made. The streams have `copies`."""
    from console.servers import Servers, prepare_database, prepare_tape  # noqa: PLC0415

    if not (desk.names_nats and desk.names_postgres):
        raise ConfigurationError("nats.url and postgres.url must name the servers to prepare")
    roles = await make_roles(folder, desk)
    home = home_of(None)
    with Servers(home, desk) as servers:
        wanted = desk.tape.id
        tape_id = await prepare_tape(servers, wanted, must_match=wanted is not None)
        client = await servers.connect(ADMIN)
        try:
            for stream in (TAPE_STREAM, SNAPSHOT_STREAM, MEMBERS_STREAM):
                await set_replicas(client, stream, copies)
        finally:
            await client.close()
        applied = await prepare_database(servers, desk.postgres.connect_timeout_s)
    home.prepare()
    home.write_config(merge(effective(desk).document, {"tape": {"id": tape_id}}))
    return {"tape": tape_id, "migrations": applied, "roles": roles, "copies": copies}


def run(job: str, environment: Mapping[str, str]) -> dict[str, object]:
    """Do one job; return what it did. Raises a TapedeckError with one sentence."""
    folder = Path(environment.get(SECRETS_VARIABLE) or DEFAULT_SECRETS)
    desk = load_desk(Sources(default_profile=DEMO))
    match job:
        case "keys":
            servers = cluster_of(environment)
            return make_keys(folder, desk.book, _store_bytes_max(environment), servers)
        case "roles":
            return {"roles": asyncio.run(make_roles(folder, desk))}
        case "desk":
            return asyncio.run(make_desk(folder, desk, len(cluster_of(environment))))
        case _:
            raise ConfigurationError(f"job {job!r}: one of keys, roles, desk")


def cluster_of(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the tape's servers; ConfigurationError for a number that cannot vote."""
    text = environment.get(CLUSTER_VARIABLE) or SERVER
    servers = [name.strip() for name in text.split(",")]
    sound = len(set(servers)) == len(servers) in CLUSTER_SIZES
    if not sound or not all(map(_SERVER_NAME.fullmatch, servers)):
        raise ConfigurationError(
            f"{CLUSTER_VARIABLE} {text!r}: 3 or 5 different names, as nats,nats-2,nats-3"
        )
    return servers


def _store_bytes_max(environment: Mapping[str, str]) -> int:
    text = environment.get(STORE_VARIABLE) or str(STORE_BYTES_MAX)
    if not text.isdecimal() or int(text) < STORE_BYTES_MIN:
        raise ConfigurationError(
            f"{STORE_VARIABLE} {text!r}: a number of bytes, {STORE_BYTES_MIN} at least, is expected"
        )
    return int(text)


def main() -> int:
    """Do the job that the command line names."""
    from console.output import print_json  # noqa: PLC0415

    with explained():
        job = sys.argv[1] if len(sys.argv) == 2 else ""
        print_json({"job": job, **run(job, os.environ)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
