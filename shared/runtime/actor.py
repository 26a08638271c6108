"""An actor: one pure core with one lane, and what the runtime must know to host it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from shared.core import Core, Stamp
from shared.messages.base import Message


class Rank(IntEnum):
    """Who answers first when several actors read one message in lockstep.

    Within a rank the lane's name decides. The order is part of the meaning of a tape: a backtest
    and the distributed stack agree to the last fill because both use it.
    """

    DATA = 0
    BROKER = 1
    EXECUTION = 2
    RISK = 3
    STRATEGY = 4
    LEDGER = 5


class Sink(Protocol):
    """Somebody outside the tape who keeps what an actor derived (the ledger's database)."""

    async def handled(self, stamp: Stamp, message: Message, payload: bytes, /) -> None:
        """Take one message of the actor's inputs or of its own lane, in tape order.

        Called after the outputs it caused are on the tape. May wait: that is the back-pressure.
        Must accept a message that it has already stored.
        """
        ...

    @property
    def leads(self) -> bool:
        """True while it is this instance, and not another one, that keeps it."""
        ...

    async def position(self) -> int:
        """Return the sequence up to which everything is stored."""
        ...

    async def flush(self) -> None:
        """Store everything taken so far, or raise UnavailableError."""
        ...


@dataclass(frozen=True, kw_only=True)
class Actor:
    """What a service hands to the runtime to be hosted.

    `configuration` is the effective configuration of the core, for its birth certificate.
    `packages` are the dotted names of the packages whose source the core's decisions rest on.
    `answers_history` is False for strategies: what happened before their birth builds their
    state but is not traded. `opening` is said once, right after the actor's first birth, on
    the lane `control.<service>` (a demo strategy that activates itself).
    """

    core: Core
    rank: Rank
    configuration: Mapping[str, object]
    packages: Sequence[str]
    answers_history: bool = True
    opening: Sequence[Message] = field(default=())
    sink: Sink | None = None
