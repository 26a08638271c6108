"""What tracing asks of the one who records: `spans` does it with OpenTelemetry."""

from collections.abc import Sequence
from typing import Protocol

from shared.core import Stamp
from shared.subjects import Lane


class Said(Protocol):
    """A message on its way to the tape, as the tape's own type has it."""

    @property
    def subject(self) -> str:
        """Where it stands."""
        ...

    @property
    def payload(self) -> bytes:
        """Its wire form."""
        ...

    @property
    def cause(self) -> int:
        """The sequence it answers, 0 when none."""
        ...


class Recorder(Protocol):
    """Where spans go. Times are wall-clock nanoseconds."""

    def answered(
        self, stamp: Stamp, event: str, outs: Sequence[Said], start_ns: int, end_ns: int
    ) -> None:
        """Record the messages that an actor said because of `stamp`, a message `event`."""
        ...

    def told(self, out: Said, start_ns: int, end_ns: int) -> None:
        """Record a message that nothing on the tape caused."""
        ...

    def failed(
        self, actor: Lane, stamp: Stamp, error: Exception, start_ns: int, end_ns: int
    ) -> None:
        """Record that handling a message ended in an error."""
        ...

    def close(self, timeout_s: float) -> None:
        """Send what is left, for at most `timeout_s`; blocks."""
        ...
