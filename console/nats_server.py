"""The configuration of the tape's server, from a desk to text: the same for the server that
`tapedeck up` starts and for one that somebody else runs.

Accounts, exports, imports and permissions follow from `shared.permissions.ways` alone. The file
holds public keys and no secret.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from shared.permissions import (
    ADMIN,
    MEMBERS_HOME,
    VAULTS,
    Way,
    account,
    answers_requests,
    permissions,
    renamed,
    ways,
)

# The server remembers where answers go, 0.7 kB a pull, until it has been silent for so long. A
# pull of ours has a heartbeat twice a second.
_MANY_ANSWERS = {"response_type": "Stream", "response_threshold": "60s"}
MEMBERS_BYTES_MAX = 16_000_000  # a bucket of a few names; nothing else may be kept there


@dataclass(frozen=True, kw_only=True)
class ServerTls:
    """Files of the server's certificate. With `ca_file` clients must show one of its making."""

    cert_file: str
    key_file: str
    ca_file: str | None = None


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where the servers of one cluster meet. Use a network that nobody else is on."""

    name: str
    listen: str
    routes: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class NatsServer:
    """One server. `public_keys` maps each of `shared.permissions.USERS` to its public nkey.

    `extras` are further top-level entries of the file and win over all others.
    """

    listen: str
    store_dir: str
    store_bytes_max: int
    public_keys: Mapping[str, str]
    book: str
    name: str = "tapedeck"
    tls: ServerTls | None = None
    cluster: Cluster | None = None
    extras: Mapping[str, object] = field(default_factory=dict[str, object])


def configuration(server: NatsServer) -> str:
    """Return the server's configuration file.

    The format is a superset of JSON. A write is on disk at most `sync_interval` after its ack;
    the server's own default is two minutes, which a power cut would lose.
    """
    config: dict[str, object] = {
        "server_name": server.name,
        "listen": server.listen,
        "max_payload": 1_048_576,
        "write_deadline": "10s",
        "jetstream": {
            "store_dir": server.store_dir,
            "sync_interval": "10ms",
            "max_file_store": server.store_bytes_max,
            "max_memory_store": 256_000_000,
        },
        "accounts": accounts(server.public_keys, server.book),
    }
    if server.tls is not None:
        config["tls"] = _tls(server.tls)
    if server.cluster is not None:
        config["cluster"] = {
            "name": server.cluster.name,
            "listen": server.cluster.listen,
            "routes": list(server.cluster.routes),
        }
    return json.dumps({**config, **server.extras}, indent=2, ensure_ascii=False) + "\n"


def accounts(public_keys: Mapping[str, str], book: str) -> dict[str, object]:
    """Return the `accounts` block: the vaults, and a zone for each of `public_keys`."""
    table = _among(public_keys, ways(book))
    made: dict[str, object] = {
        vault: {"jetstream": "enabled", "exports": _exports(vault, table)} for vault in VAULTS
    }
    for user, key in public_keys.items():
        zone: dict[str, object] = {
            "users": [_user(user, key, book)],
            "exports": _exports(user, table),
            "imports": _imports(user, table),
            "mappings": _mappings(user, table),
        }
        if user == MEMBERS_HOME:
            limit = {"max_memory": MEMBERS_BYTES_MAX, "max_file": MEMBERS_BYTES_MAX}
            zone["jetstream"] = {**limit, "max_streams": 1}
        made[account(user)] = {name: entry for name, entry in zone.items() if entry}
    return made


def _among(users: Collection[str], table: Sequence[Way]) -> list[Way]:
    """Leave out who does not log in here: the server refuses accounts that are only named."""
    return [
        way._replace(speakers=speakers)
        for way in table
        if (speakers := tuple(user for user in way.speakers if user in users))
        and (way.into in users or way.into in VAULTS)
    ]


def _user(user: str, public_key: str, book: str) -> dict[str, object]:
    if user == ADMIN:
        return {"nkey": public_key}
    allowed = permissions(user, book)
    limits: dict[str, object] = {
        "publish": {"allow": allowed.publish},
        "subscribe": {"allow": allowed.subscribe},
    }
    if answers_requests(user, book):
        limits["allow_responses"] = True
    return {"nkey": public_key, "permissions": limits}


def _exports(name: str, table: Sequence[Way]) -> list[dict[str, object]]:
    """Return what others may say into this account, and who these are."""
    speakers: dict[str, dict[str, None]] = {}
    many: dict[str, bool] = {}
    for way in table:
        if way.into == name:
            others = [account(user) for user in way.speakers if user != name]
            speakers.setdefault(way.subject, {}).update(dict.fromkeys(others))
            many[way.subject] = way.many
    return [
        {
            "service": subject,
            "accounts": list(who),
            **(_MANY_ANSWERS if many[subject] else {}),
        }
        for subject, who in speakers.items()
        if who
    ]


def _imports(user: str, table: Sequence[Way]) -> list[dict[str, object]]:
    return [
        {
            "service": {"account": account(way.into), "subject": way.subject},
            **({"to": renamed(way.subject)} if renamed(way.subject) != way.subject else {}),
        }
        for way in _ways_out(user, table)
    ]


def _mappings(user: str, table: Sequence[Way]) -> dict[str, str]:
    """Return how the account renames the calls that its clients make by their usual names."""
    return {
        way.subject: renamed(way.subject)
        for way in _ways_out(user, table)
        if renamed(way.subject) != way.subject
    }


def _ways_out(user: str, table: Sequence[Way]) -> list[Way]:
    return [way for way in table if user in way.speakers and way.into != user]


def _tls(files: ServerTls) -> dict[str, object]:
    made: dict[str, object] = {"cert_file": files.cert_file, "key_file": files.key_file}
    if files.ca_file is not None:
        made |= {"ca_file": files.ca_file, "verify": True}
    return made
