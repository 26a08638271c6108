"""Commands. Each brings an id from outside and is obeyed once per id.

`resume`, `activate` and `set_limit` name in `expected_seq` the sequence of the state they change,
or any later one that was seen (0 is before any state), and are refused when recorded after
`valid_until_ns`, so that a retried or delayed one cannot undo a newer kill.
"""

from typing import ClassVar

from shared.messages.base import Message


class Command(Message, frozen=True, kw_only=True):
    """Fields of every command."""

    STORY: ClassVar[str | None] = ""

    reason: str = ""
    expected_seq: int = 0
    valid_until_ns: int = 0


class Activate(Command, frozen=True, kw_only=True, tag="activate"):
    """Let a strategy trade from here on."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("strategy_id",)

    strategy_id: str


class Deactivate(Command, frozen=True, kw_only=True, tag="deactivate"):
    """Stop a strategy from trading; its positions stay."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("strategy_id",)

    strategy_id: str


class Kill(Command, frozen=True, kw_only=True, tag="kill"):
    """Stop all trading of the desk: cancel what rests, send nothing more, until `resume`."""


class Resume(Command, frozen=True, kw_only=True, tag="resume"):
    """End a kill or a halt."""


class Flatten(Command, frozen=True, kw_only=True, tag="flatten"):
    """Close every position of the desk."""


class Cancel(Command, frozen=True, kw_only=True, tag="cancel"):
    """Cancel one working order."""

    order_id: str


class SetLimit(Command, frozen=True, kw_only=True, tag="set_limit"):
    """Change one risk limit; the key as in the configuration, the value as text."""

    key: str
    value: str


class Quarantine(Command, frozen=True, kw_only=True, tag="quarantine"):
    """A host took an actor out of service; `from_seq` is the first message it did not handle."""

    SUBJECT: ClassVar[tuple[str, ...]] = ("strategy_id",)

    strategy_id: str
    from_seq: int
