"""What stands on the tape, and what is about to."""

from functools import lru_cache

from msgspec import Struct

from shared.core import Stamp
from shared.domain.ids import derive_id
from shared.messages.base import Message
from shared.messages.codec import Head, MessageError, decode, encode
from shared.subjects import Lane, lane_of, subject_of
from shared.tape.credible import is_own_kind
from shared.telemetry.context import traceparent


class Entry(Struct, frozen=True):
    """One recorded message.

    `cause`, `index` and `count` are its mechanics: the sequence of the input it answers, its
    place among that input's outputs and how many there are. `cause` 0 means that nothing on the
    tape caused it (market data, control). `fenced` says that its writer proved to be the only
    one on the lane. `trace` is the W3C trace context it travelled with.
    """

    seq: int
    subject: str
    payload: bytes
    recorded_ns: int
    cause: int = 0
    index: int = 0
    count: int = 1
    trace: str = ""
    fenced: bool = False

    @property
    def lane(self) -> Lane:
        """The lane it stands on."""
        return lane_of(self.subject)

    def open(self) -> tuple[Stamp, Message]:
        """Decode; raise MessageError when the payload is not a message of this release, or not
        one that belongs under its subject.
        """
        head, message = decode(self.payload)
        lane, event = _place(self.subject)
        if not is_own_kind(lane.service, event, message):
            raise MessageError(
                f"message {self.seq} on {self.subject} is a {type(message).__name__}, which"
                f" {lane.service} does not say there: it was forged"
            )
        stamp = Stamp(self.seq, head.ts_ns, lane, head.id, head.correlation_id, self.recorded_ns)
        return stamp, message


class Outgoing(Struct, frozen=True):
    """A message on its way to the tape, complete but for its sequence."""

    subject: str
    payload: bytes
    cause: int
    index: int
    count: int
    trace: str = ""

    def is_recorded_as(self, entry: Entry) -> bool:
        """Tell whether `entry` is this very message."""
        return (
            self.cause == entry.cause
            and self.index == entry.index
            and self.count == entry.count
            and self.subject == entry.subject
            and self.payload == entry.payload
        )


def answers(
    tape_id: str,
    speaker: Lane,
    stamp: Stamp,
    outputs: tuple[Message, ...],
    *,
    is_traced: bool = True,
) -> tuple[Outgoing, ...]:
    """Give the outputs of one input their heads: identity, cause, story, time.

    Who only compares needs no trace: it travels beside a message and decides nothing.
    """
    count = len(outputs)
    made = []
    for index, message in enumerate(outputs):
        identity = derive_id(tape_id, str(speaker), stamp.id, index)
        head = Head(
            id=identity,
            causation_id=stamp.id,
            correlation_id=_story(message, identity, stamp.correlation_id),
            ts_ns=stamp.ts_ns,
        )
        subject = subject_of(speaker, message)
        trace = traceparent(head.correlation_id, head.id) if is_traced else ""
        made.append(Outgoing(subject, encode(head, message), stamp.seq, index, count, trace))
    return tuple(made)


def fact(
    tape_id: str,
    speaker: Lane,
    message: Message,
    *,
    ts_ns: int,
    key: str,
    cause: int = 0,
    index: int = 0,
    count: int = 1,
) -> Outgoing:
    """Give a head to a message that nothing on the tape caused.

    `key` is its identity at its origin (symbol and venue time, a command's id): the same key
    makes the same id.
    """
    identity = derive_id(tape_id, str(speaker), key, 0)
    head = Head(
        id=identity,
        causation_id="",
        correlation_id=_story(message, identity, identity),
        ts_ns=ts_ns,
    )
    subject = subject_of(speaker, message)
    return Outgoing(subject, encode(head, message), cause, index, count)


@lru_cache(maxsize=10_000)  # a desk's subjects; the same few are opened again and again
def _place(subject: str) -> tuple[Lane, str]:
    service, actor, event, *_ = subject.split(".", 3)
    return Lane(service, actor), event


def _story(message: Message, identity: str, continued: str) -> str:
    if message.STORY is None:
        return continued
    return str(getattr(message, message.STORY)) if message.STORY else identity
