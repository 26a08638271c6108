"""What on the tape can be believed: what an honest speaker writes, and nothing that only looks so.

Whoever may write on one lane could try to say there what only others may say: with headers that
read as the server's own, or with a message of another kind than the subject's. Readers refuse
such entries; they count them, and nobody handles them.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from shared.messages.base import Message
from shared.messages.codec import BY_SERVICE, MessageError, decode
from shared.messages.lane import State
from shared.subjects import SubjectError, lane_of, subject_of

_NUMBER = re.compile(r"[0-9]{1,19}")
_ACTOR_LANES = ("strategy.", "risk.", "execution.", "broker.", "ledger.")
_STRATEGY_LANES = "strategy."
_CHECKED_LANES = (_STRATEGY_LANES, "control.")
_SAID: dict[str, tuple[type[Message], ...]] = {
    service: (State, *kinds) for service, kinds in BY_SERVICE.items()
}
_KINDS: dict[tuple[str, str], type[Message]] = {
    (service, str(kind.__struct_config__.tag)): kind
    for service, kinds in _SAID.items()
    for kind in kinds
}


class Mechanics(Struct, frozen=True):
    """What the headers of a stored message say; see `shared.tape.entry.Entry`."""

    cause: int
    index: int
    count: int
    trace: str
    fenced: bool


def mechanics(headers: Mapping[str, str]) -> Mechanics | None:
    """Read the headers of a stored message; None when no honest speaker has written them."""
    cause = headers.get("Tape-Cause")
    index, count = headers.get("Tape-Index", "0"), headers.get("Tape-Count", "1")
    if not all(_NUMBER.fullmatch(text) for text in (cause or "0", index, count)):
        return None
    return Mechanics(
        cause=int(cause or 0),
        index=int(index),
        count=int(count),
        trace=headers.get("traceparent", ""),
        fenced=cause is not None,
    )


def is_credible(subject: str, headers: Mapping[str, str], payload: bytes) -> bool:
    """Tell whether an honest speaker can have put this message on the tape.

    `Nats-Subject` is a message that the server was made to store; an actor always has a cause;
    only market data may vanish from the tape again. What strategies and operators say is read
    to the end: it must be a message of its subject.
    """
    if "Nats-Subject" in headers:
        return False
    if "Tape-Cause" not in headers and subject.startswith(_ACTOR_LANES):
        return False
    if "Nats-TTL" in headers and not subject.startswith("data."):
        return False
    return not subject.startswith(_CHECKED_LANES) or _is_of_its_subject(subject, payload)


def is_own_kind(service: str, event: str, message: Message) -> bool:
    """Tell whether a message is the one that this service says under this event."""
    return _KINDS.get((service, event)) is type(message)


def _is_of_its_subject(subject: str, payload: bytes) -> bool:
    """Rubbish of a strategy is refused; of an operator it may be a command of a newer release,
    which nobody may pass over: it is handed out, and whoever cannot read it stops.
    """
    try:
        message = decode(payload)[1]
        speaker = lane_of(subject)
        event = str(message.__struct_config__.tag)
        return is_own_kind(speaker.service, event, message) and subject == subject_of(
            speaker, message
        )
    except (MessageError, SubjectError, ValueError):
        return not subject.startswith(_STRATEGY_LANES)
