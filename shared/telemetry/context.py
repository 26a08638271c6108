"""Which message a task is handling, and the trace context that follows from a message's ids.

Ids are 128-bit hashes derived from the tape, so nothing has to be invented: the trace id of a
message is the id of its story (`correlation_id`), its span id the first half of its own id. A
replay makes the same traces, and the id an operator reads on the tape finds the trace.
"""

import re
from contextvars import ContextVar
from hashlib import blake2b

from shared.core import Stamp

TRACE_ID_BYTES = 16  # W3C Trace Context
SPAN_ID_BYTES = 8

_HASH = re.compile(r"(?!0{16})[0-9a-f]{32}")

handled: ContextVar[Stamp | None] = ContextVar("handled", default=None)
"""The message that the current task is handling; the logs add it to every line."""


def trace_id(story_id: str) -> str:
    """Return the trace id of a story, 32 hexadecimal characters."""
    return _digest(story_id)


def span_id(message_id: str) -> str:
    """Return the span id of a message, 16 hexadecimal characters."""
    return _digest(message_id)[: 2 * SPAN_ID_BYTES]


def traceparent(story_id: str, message_id: str) -> str:
    """Return the W3C `traceparent` that a message carries in its header.

    The flag is 01, "may have been recorded": whether it was follows from the trace id and the
    configured ratio, which every service applies to the same id with the same result.
    """
    return f"00-{trace_id(story_id)}-{span_id(message_id)}-01"


def _digest(identity: str) -> str:
    """Ids from outside (an operator's, a broker's) need not be hashes: make them one."""
    if _HASH.fullmatch(identity):
        return identity
    return blake2b(identity.encode(), digest_size=TRACE_ID_BYTES).hexdigest()
