"""What each service's NATS user may say and hear.

One user a service, all in one account: a service publishes on its own lanes only, reads the tape
through the JetStream API, and cannot change, purge or delete a stream. `admin` may do everything;
it makes the streams and is nobody's daily user.

User permissions hold against a service that publishes where it should not. They do not hold
against one that has the server answer on a reply subject of its choosing (ARCHITECTURE.md,
"Security"): accounts, one a trust zone, would close that road.
"""

from typing import NamedTuple

from shared.subjects import SubjectError, lane

ADMIN = "admin"
CONSOLE = "console"
SERVICE_USERS = ("data", "strategy", "risk", "execution", "ledger")
USERS = (*SERVICE_USERS, CONSOLE, ADMIN)
"""Everybody who logs in. The brokers' lane belongs to execution, `control.*` to the console."""

TAPE_STREAM = "TAPE"
SNAPSHOT_STREAM = "SNAPSHOTS"
LOCKSTEP_SUBJECTS = "lockstep.>"

_READING_A_STREAM = ("$JS.API.STREAM.INFO.{0}", "$JS.API.STREAM.MSG.GET.{0}")
_CONSUMING_THE_TAPE = (
    f"$JS.API.CONSUMER.CREATE.{TAPE_STREAM}.>",
    f"$JS.API.CONSUMER.INFO.{TAPE_STREAM}.>",
    f"$JS.API.CONSUMER.MSG.NEXT.{TAPE_STREAM}.>",
    f"$JS.API.CONSUMER.DELETE.{TAPE_STREAM}.>",
)


class Permissions(NamedTuple):
    """Subject filters that a user is allowed; everything else is refused by the server."""

    publish: tuple[str, ...]
    subscribe: tuple[str, ...]


def inbox_prefix(user: str) -> str:
    """Return the prefix of the reply subjects of `user`: nobody else may listen there.

    To be handed to the client at connect; its own default would be refused.
    """
    return f"_INBOX.{user}"


def permissions(user: str, book: str) -> Permissions:
    """Return what `user` may do at a desk that trades `book`.

    Raises SubjectError for a user that is not one of USERS or a book that cannot name a lane.
    """
    if user == ADMIN:
        return Permissions(publish=(">",), subscribe=(">",))
    owned = _owned_filters(user, book)
    publish = [*owned, *_reading_api()]
    subscribe = [f"{inbox_prefix(user)}.>"]
    if user in SERVICE_USERS:
        publish += [f"snapshot.{speaker}.>" for speaker in _speakers(owned)]
        publish.append(LOCKSTEP_SUBJECTS)
        subscribe.append(LOCKSTEP_SUBJECTS)
    return Permissions(tuple(publish), tuple(subscribe))


def _owned_filters(user: str, book: str) -> tuple[str, ...]:
    """Return the filters of the lanes that `user` writes."""
    mine: dict[str, tuple[str, ...]] = {
        "data": ("data.>",),
        # Its own instances, whatever their ids, and their opening words (an activation).
        "strategy": ("strategy.>", lane("control", "strategy").fence),
        "risk": (lane("risk", book).fence,),
        "execution": (lane("execution", book).fence, lane("broker", book).fence),
        "ledger": (lane("ledger", book).fence,),
        CONSOLE: ("control.>",),
    }
    if user not in mine:
        raise SubjectError(f"unknown user {user!r}: one of {', '.join(USERS)}")
    return mine[user]


def _speakers(owned: tuple[str, ...]) -> dict[str, None]:
    """Return the first tokens of lanes that actors write; control is nobody's state."""
    return dict.fromkeys(name for name in (o.split(".", 1)[0] for o in owned) if name != "control")


def _reading_api() -> tuple[str, ...]:
    streams = (TAPE_STREAM, SNAPSHOT_STREAM)
    of_streams = [api.format(stream) for stream in streams for api in _READING_A_STREAM]
    return ("$JS.API.INFO", *of_streams, *_CONSUMING_THE_TAPE)
