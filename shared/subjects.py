"""Subjects say who speaks: `<service>.<actor>.<event>[.<detail>…]`.

The first two tokens are the speaker's lane. This module alone builds subjects, the fence that
covers a lane, and filters over them. A symbol is one token: characters that NATS reserves are
percent-encoded, reversibly (`BRK.B` travels as `BRK%2EB`).
"""

import re
from typing import NamedTuple, override

from shared.domain.errors import TapedeckError
from shared.messages.base import Message

_RESERVED = re.compile(r"[%.*>\x00-\x20\x7f]")
_ESCAPE = re.compile(r"%([0-9A-F]{2})")
_ACTOR = re.compile(r"[A-Za-z0-9_-]+(~\d+of\d+)?")

SERVICES = ("data", "strategy", "risk", "execution", "broker", "analysis", "ledger", "control")
LANES = tuple(f"{service}.>" for service in SERVICES)
"""What the stream listens to."""


class SubjectError(TapedeckError):
    """A name that cannot stand in a subject, or a subject that is not ours."""


class Lane(NamedTuple):
    """One speaker: the service and the actor within it."""

    service: str
    actor: str

    @override
    def __str__(self) -> str:
        return f"{self.service}.{self.actor}"

    @property
    def fence(self) -> str:
        """The subject filter that a fence on this lane must cover."""
        return f"{self.service}.{self.actor}.>"


AGGREGATED = Lane("data", "bars")
"""Bars made from other data: nothing on this lane is news, and nothing fills on it."""

HOST = Lane("control", "strategy")
"""What the hosts of strategies say about them."""


class Subject(NamedTuple):
    """A subject taken apart; `detail` is decoded."""

    lane: Lane
    event: str
    detail: tuple[str, ...]


def lane(service: str, actor: str) -> Lane:
    """Return the lane, or raise SubjectError when a name cannot stand in a subject."""
    if service not in SERVICES:
        raise SubjectError(f"unknown service {service!r}: one of {', '.join(SERVICES)}")
    if not _ACTOR.fullmatch(actor):
        raise SubjectError(f"{actor!r} cannot name an actor: letters, digits, '_' and '-' only")
    return Lane(service, actor)


def encode_token(text: str) -> str:
    """Return `text` as one subject token, reversibly. Empty text has no token."""
    if not text:
        raise SubjectError("an empty name cannot stand in a subject")
    return _RESERVED.sub(lambda m: f"%{ord(m[0]):02X}", text)


def decode_token(token: str) -> str:
    """Undo `encode_token`."""
    return _ESCAPE.sub(lambda m: chr(int(m[1], 16)), token)


def subject_of(speaker: Lane, message: Message) -> str:
    """Return the subject on which `speaker` says `message`."""
    tokens = [speaker.service, speaker.actor, str(message.__struct_config__.tag)]
    tokens += [encode_token(str(getattr(message, name))) for name in message.SUBJECT]
    return ".".join(tokens)


def parse(subject: str) -> Subject:
    """Take a subject apart; raise SubjectError when it is not one of ours."""
    tokens = subject.split(".")
    if len(tokens) < 3 or tokens[0] not in SERVICES or "" in tokens:
        raise SubjectError(f"not a subject of the tape: {subject!r}")
    detail = tuple(decode_token(token) for token in tokens[3:])
    return Subject(Lane(tokens[0], tokens[1]), tokens[2], detail)


def lane_of(subject: str) -> Lane:
    """Return the lane that a subject belongs to."""
    service, actor, _ = subject.split(".", 2)
    return Lane(service, actor)


def reading(service: str, actor: str, event: str, *detail: str) -> str:
    """Return a filter: `*` stands for any one token, a final `>` for the rest.

    >>> reading("data", "*", "bar", "1m", "BRK.B")
    'data.*.bar.1m.BRK%2EB'
    """
    tokens = [t if t in ("*", ">") else encode_token(t) for t in (actor, event, *detail)]
    return ".".join((service, *tokens))


def matches(pattern: str, subject: str) -> bool:
    """Tell whether a filter covers a subject, by the rules of NATS."""
    want, have = pattern.split("."), subject.split(".")
    for i, token in enumerate(want):
        if token == ">":  # noqa: S105 - a wildcard
            return len(have) > i
        if i >= len(have) or token not in ("*", have[i]):
            return False
    return len(want) == len(have)
