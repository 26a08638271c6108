"""What is told about one actor while it runs: metrics, traces, its place in the health report."""

from collections.abc import Sequence

from shared.core import Stamp
from shared.messages.base import Message
from shared.runtime.clock import monotonic_s
from shared.runtime.health import Readiness
from shared.subjects import Lane
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import FenceLostError
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Handling, Tracing


class Instruments:
    """Everything the runner reports, in the runner's own terms."""

    def __init__(
        self, lane: Lane, metrics: Metrics, tracing: Tracing, readiness: Readiness
    ) -> None:
        self._lane = lane
        self._name = str(lane)
        self._metrics = metrics
        self._actor = metrics.actor(lane)
        self._tracing = tracing
        self._readiness = readiness
        self._started_s = 0.0
        self._events: dict[str, str] = {}
        self._recreations = 0
        self.tape_end = 0

    def handling(self, stamp: Stamp, entry: Entry) -> Handling:
        """Return the context in which one message is handled."""
        self._started_s = monotonic_s()
        return self._tracing.handling(self._lane, stamp, self._event(entry.subject))

    def handled(self, entry: Entry) -> None:
        """The core has handled one message; call it right after."""
        self._actor.handle_seconds.observe(monotonic_s() - self._started_s)
        self._actor.handled(self._event(entry.subject))

    def dropped(self) -> None:
        """A market message was not newer than the last of its kind."""
        self._metrics.market_dropped.labels("not_newer").inc()

    def published(self, outs: Sequence[Outgoing], took_s: float) -> None:
        """Outputs are on the tape."""
        self._metrics.publish_seconds.observe(took_s)
        for out in outs:
            self._actor.published(self._event(out.subject))

    def said(self, messages: Sequence[Message]) -> None:
        """Count what the outputs mean for the business; not in recovery, which says them again."""
        for message in messages:
            self._metrics.note(message)

    def fence_lost(self, error: FenceLostError) -> None:
        """Another instance wrote on the lane."""
        self._actor.fence_lost.inc()
        self._readiness.set(self._name, ok=False, detail=str(error))

    def beat(self, handled: int, *, recovering: bool, recreations: int) -> None:
        """The runner is alive and waits for more."""
        if recreations > self._recreations:
            self._actor.reader_recreated.inc(recreations - self._recreations)
            self._recreations = recreations
        lag = max(self.tape_end - handled, 0)
        self._actor.position_seq.set(handled)
        self._actor.lag_messages.set(lag)
        self._readiness.place(self._name, handled, lag, "recovering" if recovering else "live")
        if recovering:
            self._readiness.set(self._name, ok=False, detail="recovering")
        else:
            self._readiness.beat(self._name)

    def _event(self, subject: str) -> str:
        event = self._events.get(subject)
        if event is None:
            event = self._events[subject] = subject.split(".", 3)[2]
        return event
