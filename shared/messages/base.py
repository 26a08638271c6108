"""What all messages have in common."""

from typing import ClassVar

from msgspec import Struct

SCHEMA_VERSION = 1


class Message(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A fact on the tape. The tag is the event token of its subject.

    `SUBJECT` names the fields whose values follow the event token in the subject.
    `STORY` names the field that holds the id of the story the message belongs to; without one
    the story of the cause is continued, and "" says that the message begins a story of its own.
    """

    SUBJECT: ClassVar[tuple[str, ...]] = ()
    STORY: ClassVar[str | None] = None
