"""What is told about one actor while it runs: metrics, traces, its place in the health report."""

from collections.abc import Sequence

import structlog
from structlog.typing import FilteringBoundLogger

from shared.core import Stamp
from shared.messages.base import Message
from shared.runtime.clock import monotonic_s
from shared.runtime.health import Readiness
from shared.subjects import Lane
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import FenceLostError, SupersededError
from shared.telemetry.metrics import Metrics
from shared.telemetry.traces import Handling, Tracing

RECOVERING = "recovering"


class Instruments:
    """Everything the runner reports, in the runner's own terms."""

    def __init__(
        self,
        lane: Lane,
        metrics: Metrics,
        tracing: Tracing,
        readiness: Readiness,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self._lane = lane
        self._name = str(lane)
        self._log: FilteringBoundLogger = log or structlog.get_logger()
        readiness.set(self._name, ok=False, detail="starting")
        self._metrics = metrics
        self._actor = metrics.actor(lane)
        self._tracing = tracing
        self._readiness = readiness
        self._started_s = 0.0
        self._events: dict[str, str] = {}
        self._recreations = 0
        self._waits_for = ""
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
        self._waits_for = ""
        self._metrics.publish_seconds.observe(took_s)
        for out in outs:
            self._actor.published(self._event(out.subject))

    def said(self, messages: Sequence[Message]) -> None:
        """Count what the outputs mean for the business; not in recovery, which says them again."""
        for message in messages:
            self._metrics.note(message)

    def waits(self, why: str) -> None:
        """An output cannot be published now; it is tried again until it can."""
        self._readiness.set(self._name, ok=False, detail=why)
        if why != self._waits_for:
            self._waits_for = why
            self._log.warning("waits to publish", actor=self._name, why=why)

    def fence_lost(self, error: FenceLostError) -> None:
        """Another instance wrote on the lane: this one is its standby, or ends."""
        self._actor.fence_lost.inc()
        self._actor.leads.set(0)
        self._log.warning("fence lost, standing by", actor=self._name, why=str(error))

    def took_over(self) -> None:
        """This instance's output was the first on the lane: it leads from here on."""
        self._actor.leads.set(1)
        self._log.info("leads", actor=self._name)

    def superseded(self, error: SupersededError) -> None:
        """Another release has the lane; this one waits for its end."""
        self._actor.leads.set(0)
        self._readiness.place(self._name, error.seq, 0, "superseded")
        self._readiness.set(self._name, ok=False, detail=str(error))
        self._log.warning("superseded", actor=self._name, why=str(error))

    def beat(self, handled: int, phase: str, *, recreations: int) -> None:
        """The runner is alive and waits for more; `phase` is recovering, live or standby."""
        if recreations > self._recreations:
            self._actor.reader_recreated.inc(recreations - self._recreations)
            self._recreations = recreations
        lag = max(self.tape_end - handled, 0)
        self._actor.position_seq.set(handled)
        self._actor.lag_messages.set(lag)
        self._readiness.place(self._name, handled, lag, phase)
        if phase == RECOVERING:
            self._readiness.set(self._name, ok=False, detail=phase)
        else:
            self._readiness.beat(self._name)

    def forget(self) -> None:
        """The actor has moved to another instance."""
        self._readiness.forget(self._name)
        self._metrics.forget(self._lane)

    def _event(self, subject: str) -> str:
        event = self._events.get(subject)
        if event is None:
            event = self._events[subject] = subject.split(".", 3)[2]
        return event
