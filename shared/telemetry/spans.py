"""Spans in OpenTelemetry's own terms. Imported only where they are exported.

A span is the making of one message: its trace is the message's story, its id follows from the
message's id. The parent is found without asking anybody (docs/observability.md draws it):

- the message continues the story of its cause: the parent is the cause's span;
- it begins a story (a signal), or its cause is of a lane that records no spans (market data,
  commands): the parent is a root span that stands for the arrival of the cause, the tick;
- it continues a story because of something else (a fill, because a later bar came): the parent
  is the span that began the story, and a link names the cause.
"""

import threading
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import override

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from shared.core import Stamp
from shared.messages.codec import Head, decode
from shared.subjects import Lane, parse
from shared.telemetry import context
from shared.telemetry.recorder import Said

QUEUE_MAX = 4_096  # spans waiting for the collector; more are dropped, never waited for
BATCH_MAX = 512
SEND_EVERY_MS = 1_000
SEND_TIMEOUT_S = 5

_UNRECORDED = ("data", "control")  # services whose messages have no span of their own


def otlp_exporter(url: str) -> SpanExporter:
    """Return an exporter to the collector at `url`, OTLP over HTTP; connects when it sends."""
    return OTLPSpanExporter(endpoint=url, timeout=SEND_TIMEOUT_S)


def bounded(exporter: SpanExporter) -> SpanProcessor:
    """Return a processor that sends in the background and never blocks the one who records."""
    return BatchSpanProcessor(
        exporter,
        max_queue_size=QUEUE_MAX,
        max_export_batch_size=BATCH_MAX,
        schedule_delay_millis=SEND_EVERY_MS,
    )


class _Chosen(IdGenerator):
    """Gives the next span the ids that its message has."""

    trace = 0
    span = 0

    @override
    def generate_trace_id(self) -> int:
        return self.trace

    @override
    def generate_span_id(self) -> int:
        return self.span


class SpanRecorder:
    """Turns messages into spans. Not thread-safe: used from the event loop's thread."""

    def __init__(
        self,
        service: str,
        version: str,
        exporter: SpanExporter,
        ratio: float = 1.0,
        process: Callable[[SpanExporter], SpanProcessor] = bounded,
    ) -> None:
        self._exporter = exporter
        self._ids = _Chosen()
        # Not ParentBased: the trace id decides alone, hence every service decides alike.
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(ratio),
            # Resource(...), not Resource.create(...): the latter runs detectors.
            resource=Resource(
                {
                    "service.name": service,
                    "service.namespace": "tapedeck",
                    "service.version": version,
                }
            ),
            shutdown_on_exit=False,
            id_generator=self._ids,
        )
        self._provider.add_span_processor(process(exporter))
        self._tracer = self._provider.get_tracer("tapedeck", version)

    def answered(
        self, stamp: Stamp, event: str, outs: Sequence[Said], start_ns: int, end_ns: int
    ) -> None:
        """Record `outs`, made between the two times because of `stamp`, a message `event`."""
        arrivals: dict[str, SpanContext] = {}
        for out in outs:
            head = decode(out.payload)[0]
            story = head.correlation_id
            is_same_story = story == stamp.correlation_id
            links = [] if is_same_story else [Link(_context(stamp.correlation_id, stamp.id))]
            if head.id == story or (is_same_story and stamp.lane.service in _UNRECORDED):
                if story not in arrivals:
                    arrivals[story] = self._arrived(out, story, stamp, event, start_ns, links)
                self._said(out, head, arrivals[story], [], (start_ns, end_ns))
            else:
                parent = _context(story, stamp.id if is_same_story else story)
                self._said(out, head, parent, links, (start_ns, end_ns))

    def told(self, out: Said, start_ns: int, end_ns: int) -> None:
        """Record a message without a cause: it begins a story or continues one it names."""
        head = decode(out.payload)[0]
        story = head.correlation_id
        parent = None if head.id == story else _context(story, story)
        self._said(out, head, parent, [], (start_ns, end_ns))

    def failed(
        self, actor: Lane, stamp: Stamp, error: Exception, start_ns: int, end_ns: int
    ) -> None:
        """Record that `actor` could not handle a message, in the message's story."""
        self._ids.span = _made_id(f"failed {actor} {stamp.id}")
        span = self._tracer.start_span(
            f"{actor} failed",
            context=_under(_context(stamp.correlation_id, stamp.id)),
            attributes={"tapedeck.seq": stamp.seq},
            start_time=start_ns,
        )
        span.record_exception(error, timestamp=end_ns)
        span.set_status(Status(StatusCode.ERROR, str(error)))
        span.end(end_ns)

    def close(self, timeout_s: float) -> None:
        """Send what is left, for at most `timeout_s`; a dead collector must not hold us."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(timeout_s)
        if last.is_alive():
            self._exporter.shutdown()  # ends its retries, and with them the threads

    def _said(
        self,
        out: Said,
        head: Head,
        parent: SpanContext | None,
        links: Sequence[Link],
        times_ns: tuple[int, int],
    ) -> None:
        said = parse(out.subject)
        self._ids.trace = int(context.trace_id(head.correlation_id), 16)
        self._ids.span = int(context.span_id(head.id), 16)
        self._tracer.start_span(
            f"{said.lane} {said.event}",
            context=_under(parent),
            kind=SpanKind.PRODUCER,
            links=links,
            attributes={
                "tapedeck.subject": out.subject,
                "tapedeck.message_id": head.id,
                "tapedeck.causation_id": head.causation_id,
                "tapedeck.cause_seq": out.cause,
            },
            start_time=times_ns[0],
        ).end(times_ns[1])

    def _arrived(
        self,
        out: Said,
        story: str,
        stamp: Stamp,
        event: str,
        taken_ns: int,
        links: Sequence[Link],
    ) -> SpanContext:
        """Record the wait of the cause between the tape and the actor, as the story's root.

        Its id holds the actor's name: two actors that answer one command make two roots.
        """
        self._ids.trace = int(context.trace_id(story), 16)
        self._ids.span = _made_id(f"arrived {parse(out.subject).lane} {stamp.id}")
        span = self._tracer.start_span(
            f"{stamp.lane} {event}",
            context=Context(),
            kind=SpanKind.CONSUMER,
            links=links,
            attributes={"tapedeck.message_id": stamp.id, "tapedeck.seq": stamp.seq},
            start_time=min(stamp.recorded_ns or taken_ns, taken_ns),
        )
        span.end(taken_ns)
        return span.get_span_context()


def _context(story: str, message_id: str) -> SpanContext:
    """Return the span context of a message; pure arithmetic on its ids."""
    return SpanContext(
        trace_id=int(context.trace_id(story), 16),
        span_id=int(context.span_id(message_id), 16),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )


def _under(parent: SpanContext | None) -> Context:
    return Context() if parent is None else set_span_in_context(NonRecordingSpan(parent), Context())


def _made_id(text: str) -> int:
    digest = blake2b(text.encode(), digest_size=context.SPAN_ID_BYTES).digest()
    return int.from_bytes(digest) or 1  # zero is no span id
