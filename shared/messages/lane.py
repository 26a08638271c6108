"""What the runtime writes on an actor's lane."""

from shared.messages.base import Message


class State(Message, frozen=True, kw_only=True, tag="state"):
    """A birth certificate: the first message of a lane, and of a lane after a roll-out.

    Outputs after it were made by code with this digest under this configuration (JSON text).
    Inputs at or below `from_seq` build state but are not answered. Of what the next input causes
    the first `from_index` outputs are left out: the release before had said them when it ended.
    Its state is built from `built_from` on: what stood there before had been trimmed.
    """

    code_digest: str
    configuration: str
    from_seq: int
    from_index: int = 0
    built_from: int = 1
