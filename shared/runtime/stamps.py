"""Stamps whose ids are made when somebody asks for them.

An id is a hash of its cause's id. In a backtest most messages have no consequences, so nobody
ever asks; where somebody does, the chain is followed back to the market data that began it and
gives the very ids that stand on a recorded tape.
"""

from typing import Any, override

from shared.core import Stamp
from shared.domain.ids import derive_id
from shared.messages.base import Message
from shared.runtime.source import key_of

_field: Any = vars(Stamp)["id"]
_kept_id, _keep_id = _field.__get__, _field.__set__


class LateStamp(Stamp, frozen=True):
    """A stamp that knows its message's cause, and its index among that cause's outputs, instead
    of its ids. `cause` None: a fact of the feed.
    """

    tape_id: str = ""
    message: Message | None = None
    cause: Stamp | None = None
    index: int = 0

    # The fields of `Stamp` are there, and empty: these properties stand in front of them. The one
    # under `id` keeps what was made.

    @property  # type: ignore[misc]
    @override
    def id(self) -> str:
        """The id that the tape gives this message."""
        made: str = _kept_id(self)
        if not made:
            cause = self.cause
            key = key_of(self.message, self.ts_ns) if cause is None else cause.id
            made = derive_id(self.tape_id, str(self.lane), key, self.index)
            _keep_id(self, made)
        return made

    @property  # type: ignore[misc]
    @override
    def correlation_id(self) -> str:
        """The id of the story that the message belongs to."""
        message: Any = self.message
        story = message.STORY
        if story is None:
            return self.cause.correlation_id if self.cause is not None else self.id
        return str(getattr(message, story)) if story else self.id
