"""Who may say what: the zones of a desk, and every subject that crosses from one to another.

Each user of the tape's server is a trust zone: a NATS account with nobody else in it. The streams
live in accounts where nobody logs in (`VAULTS`). Between accounts a subject passes only where
`ways` has a row for it, so `ways` is the whole table of rights: the server's accounts, exports,
imports and permissions are made from it (`console/nats_server.py`), and nothing else is.

To let something new pass, add a row. `into` is the account that receives it; whoever answers
there is answered through the server, which replaces reply subjects at the border. That is why a
reply subject of a zone's own choosing cannot lead into the tape.

A JetStream call keeps its name in the row (`$JS.API.STREAM.INFO.TAPE`). The server takes it under
a prefix in every zone, so that it cannot be mistaken for a call to a JetStream of that zone, and
renames what a client says (`renamed`): clients know nothing of it.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.subjects import LANES, SubjectError, lane

ADMIN = "admin"
CONSOLE = "console"
GATEWAY = "gateway"
SERVICE_USERS = ("data", "strategy", "risk", "execution", "ledger")
OPERATORS = (CONSOLE, GATEWAY)
USERS = (*SERVICE_USERS, *OPERATORS, ADMIN)
"""Everybody who logs in. The brokers' lane belongs to execution."""

TAPE_STREAM = "TAPE"
SNAPSHOT_STREAM = "SNAPSHOTS"
MEMBERS_BUCKET = "MEMBERS"
MEMBERS_STREAM = f"KV_{MEMBERS_BUCKET}"
KILL_SUBJECT = "desk.kill"

VAULTS = (TAPE_STREAM, SNAPSHOT_STREAM)
"""Accounts that hold one stream each and nobody else.

A consumer may have the server deliver anywhere in the account of its stream: in a vault there is
nobody to deliver to. Each stream has its own, or a consumer of the one could fill the other.
"""
MEMBERS_HOME = "strategy"
"""The zone that keeps the members' bucket: only its instances write there, only they suffer."""

_API = "$JS.API."
_READING = ("STREAM.INFO.{0}", "STREAM.MSG.GET.{0}")
_CONSUMING = (
    "CONSUMER.CREATE.{0}.>",
    "CONSUMER.INFO.{0}.>",
    "CONSUMER.DELETE.{0}.>",
    "CONSUMER.MSG.NEXT.{0}.>",
)
_MANAGING = (
    "STREAM.CREATE.{0}",
    "STREAM.UPDATE.{0}",
    "STREAM.DELETE.{0}",
    "STREAM.PURGE.{0}",
    "STREAM.MSG.DELETE.{0}",
    "CONSUMER.NAMES.{0}",
    "CONSUMER.LIST.{0}",
)
_DIRECT = ("DIRECT.GET.{0}", "DIRECT.GET.{0}.>")
_MANY_ANSWERS = "CONSUMER.MSG.NEXT."
_AT_HOME = ("$JS.API.CONSUMER.CREATE.{0}", "$JS.FC.{0}.>", "$JS.ACK.{0}.>")


class Way(NamedTuple):
    """One subject that users may say into an account; there it has the same name.

    `into` is a vault or the name of a user (his zone). `many` says that one request has many
    answers, `answered` that the user must be let to answer (a server's stream needs no leave).
    """

    subject: str
    speakers: tuple[str, ...]
    into: str
    many: bool = False
    answered: bool = False


class Permissions(NamedTuple):
    """Subject filters that a user is allowed; everything else is refused by the server."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def account(name: str) -> str:
    """Return the NATS account of a user or vault."""
    return name.upper()


def inbox_prefix(user: str) -> str:
    """Return the prefix of the reply subjects of `user`: nobody else may listen there.

    To be handed to the client at connect; its own default would be refused.
    """
    return f"_INBOX.{user}"


def ways(book: str) -> tuple[Way, ...]:
    """Return every way between the zones of a desk that trades `book`.

    Raises SubjectError for a book that cannot name a lane.
    """
    everybody = tuple(user for user in USERS if user != ADMIN)
    owned = {user: _owned(user, book) for user in USERS}
    return (
        # The tape: each its own lanes; all read it; admin makes and changes it.
        *(Way(subject, (user,), TAPE_STREAM) for user in USERS for subject in owned[user]),
        *_calls((*_READING, *_CONSUMING), TAPE_STREAM, (*everybody, ADMIN), TAPE_STREAM),
        *_calls((*_MANAGING, *_DIRECT), TAPE_STREAM, (ADMIN,), TAPE_STREAM),
        Way(f"{_API}INFO", (ADMIN,), TAPE_STREAM),
        # Snapshots: each of its own actors; read message by message, never consumed.
        *(
            Way(f"snapshot.{speaker}", (user,), SNAPSHOT_STREAM)
            for user in SERVICE_USERS
            for speaker in _actors(owned[user])
        ),
        Way("snapshot.>", (ADMIN,), SNAPSHOT_STREAM),
        *_calls(_READING, SNAPSHOT_STREAM, (*SERVICE_USERS, ADMIN), SNAPSHOT_STREAM),
        *_calls((*_MANAGING, *_DIRECT), SNAPSHOT_STREAM, (ADMIN,), SNAPSHOT_STREAM),
        # Members of the strategy service: operators may look, admin may make the bucket.
        *_calls((*_READING, *_DIRECT), MEMBERS_STREAM, (*OPERATORS, ADMIN), MEMBERS_HOME),
        *_calls(_MANAGING, MEMBERS_STREAM, (ADMIN,), MEMBERS_HOME),
        *_lockstep({user: tuple(_actors(owned[user])) for user in SERVICE_USERS}),
        # The kill switch that needs no tape.
        Way(KILL_SUBJECT, (*OPERATORS, ADMIN), "execution", answered=True),
        Way(KILL_SUBJECT, (*OPERATORS, ADMIN), "risk", answered=True),
    )


def permissions(user: str, book: str) -> Permissions:
    """Return what `user` may do at a desk that trades `book`, by the names of his own account.

    Raises SubjectError for a user that is not one of USERS or a book that cannot name a lane.
    """
    if user not in USERS:
        raise SubjectError(f"unknown user {user!r}: one of {', '.join(USERS)}")
    if user == ADMIN:
        return Permissions(publish=(">",), subscribe=(">",))
    table = ways(book)
    publish = [renamed(way.subject) for way in table if user in way.speakers]
    # In an account of one's own arrives only what crosses: a filter may be wider than that.
    heard = [way.subject for way in table if way.into == user and not _is_call(way.subject)]
    subscribe = [f"{inbox_prefix(user)}.>", *(f"{subject.split('.')[0]}.>" for subject in heard)]
    if user == MEMBERS_HOME:
        publish += _members_at_home()
    return Permissions(_distinct(publish), _distinct(subscribe))


def answers_requests(user: str, book: str) -> bool:
    """Tell whether others may ask `user` something, so that he must be let to answer."""
    return any(way.into == user and way.answered for way in ways(book))


def renamed(subject: str) -> str:
    """Return how a zone's own account names a JetStream call; other subjects keep their names.

    >>> renamed("$JS.API.STREAM.INFO.TAPE")
    'TAPE.API.STREAM.INFO.TAPE'
    """
    if not _is_call(subject):
        return subject
    call = subject.removeprefix(_API)
    streams = (*VAULTS, MEMBERS_STREAM)
    stream = next((token for token in call.split(".") if token in streams), TAPE_STREAM)
    return f"{stream}.API.{call}"


def _is_call(subject: str) -> bool:
    return subject.startswith(_API)


def _owned(user: str, book: str) -> tuple[str, ...]:
    """Return the filters of what `user` writes on the tape."""
    mine: dict[str, tuple[str, ...]] = {
        "data": ("data.>",),
        # Its own instances, whatever their ids. Of commands only those about them: it can neither
        # kill nor, what matters, resume.
        "strategy": (
            "strategy.>",
            *(f"{lane('control', 'strategy')}.{event}.>" for event in _HOSTS_COMMANDS),
        ),
        "risk": (lane("risk", book).fence, lane("analysis", book).fence),
        # Of commands only the kill: it puts a latched one on the tape, and cannot resume.
        "execution": (
            lane("execution", book).fence,
            lane("broker", book).fence,
            f"{lane('control', 'execution')}.kill",
        ),
        "ledger": (lane("ledger", book).fence,),
        **{operator: (lane("control", operator).fence,) for operator in OPERATORS},
        ADMIN: LANES,
    }
    return mine[user]


_HOSTS_COMMANDS = ("activate", "deactivate", "quarantine")


def _actors(owned: Iterable[str]) -> tuple[str, ...]:
    """Return filters of the lanes that actors write; control is nobody's state."""
    kept = [subject for subject in owned if not subject.startswith("control.")]
    # `risk.main.>` is one actor, `data.>` any.
    return tuple(s.removesuffix(".>") if s.count(".") > 1 else s for s in kept)


def _calls(
    calls: Sequence[str], stream: str, speakers: tuple[str, ...], into: str
) -> tuple[Way, ...]:
    named = [call.format(stream) for call in calls]
    return tuple(
        Way(f"{_API}{call}", speakers, into, many=call.startswith(_MANY_ANSWERS)) for call in named
    )


def _lockstep(actors: dict[str, tuple[str, ...]]) -> tuple[Way, ...]:
    """Return the ways of `shared.runtime.turns`: the conductor is in the data service."""
    conductor = "data"
    found = [Way("lockstep.call", (conductor,), user) for user in actors]
    for user, lanes in actors.items():
        for speaker in lanes:
            found += [
                Way(f"lockstep.grant.{speaker}", (conductor,), user),
                Way(f"lockstep.hello.{speaker}", (user,), conductor),
                Way(f"lockstep.report.{speaker}", (user,), conductor),
            ]
    return tuple(found)


def _members_at_home() -> tuple[str, ...]:
    """Return what the members' own zone may say to the JetStream it has for their bucket."""
    calls = (*_READING, *_CONSUMING, *_MANAGING, *_DIRECT)
    return (
        f"$KV.{MEMBERS_BUCKET}.>",
        *(f"{_API}{call.format(MEMBERS_STREAM)}" for call in calls),
        *(subject.format(MEMBERS_STREAM) for subject in _AT_HOME),
    )


def _distinct(subjects: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(subjects))
