"""Traces: one story, one trace, from the tick to the fill.

A trace is a story (`correlation_id`), a span is the making of one message, and all ids follow
from the message ids (`context`), so context travels with the messages themselves and a replay
makes the same trace. Spans are made for messages that an actor says, not for those that it only
reads: a market that moves nobody leaves no traces. Without an OTLP endpoint no OpenTelemetry
module is imported, and handling a message costs one context variable.
"""

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from shared.config.desk import TelemetrySettings
from shared.core import Stamp
from shared.domain.errors import ConfigurationError
from shared.subjects import Lane
from shared.telemetry import context
from shared.telemetry.recorder import Recorder, Said

CLOSE_TIMEOUT_S = 3.0


class Tracing:
    """What the runtime uses. `recorder` None: nothing is recorded, context still travels.

    `now_ns` reads the wall clock, which this layer does not.
    """

    def __init__(self, now_ns: Callable[[], int], recorder: Recorder | None = None) -> None:
        self._now_ns = now_ns
        self._recorder = recorder

    @property
    def is_recording(self) -> bool:
        """True when spans are exported."""
        return self._recorder is not None

    def handling(self, actor: Lane, stamp: Stamp, event: str) -> "Handling":
        """Return the context in which `actor` handles one message.

        >>> with tracing.handling(actor, stamp, event) as handling:
        ...     handling.answered(outs)  # once they are on the tape
        """
        return Handling(self._now_ns, self._recorder, actor, stamp, event)

    def told(self, out: Said, start_ns: int) -> None:
        """Record a message without a cause on the tape (a broker's report, a command).

        `start_ns` is when making it began; it ends now. Not meant for market data.
        """
        if self._recorder is not None:
            self._recorder.told(out, start_ns, self._now_ns())

    def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Send what is left, for at most `timeout_s`. Blocks: call it after the loop's work."""
        if self._recorder is not None:
            self._recorder.close(timeout_s)


class Handling:
    """One message in the hands of one actor: its log lines and its spans."""

    __slots__ = (
        "_actor",
        "_event",
        "_now_ns",
        "_outs",
        "_recorder",
        "_stamp",
        "_start_ns",
        "_token",
    )

    def __init__(
        self,
        now_ns: Callable[[], int],
        recorder: Recorder | None,
        actor: Lane,
        stamp: Stamp,
        event: str,
    ) -> None:
        self._now_ns = now_ns
        self._recorder = recorder
        self._actor = actor
        self._stamp = stamp
        self._event = event
        self._outs: Sequence[Said] = ()
        self._start_ns = 0

    def answered(self, outs: Sequence[Said]) -> None:
        """Say what the message caused; recorded when the context is left."""
        self._outs = outs

    def __enter__(self) -> Self:
        self._token = context.handled.set(self._stamp)
        if self._recorder is not None:
            self._start_ns = self._now_ns()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        context.handled.reset(self._token)
        recorder = self._recorder
        if recorder is None:
            return
        end_ns = self._now_ns()
        if self._outs:
            recorder.answered(self._stamp, self._event, self._outs, self._start_ns, end_ns)
        if isinstance(error, Exception):
            recorder.failed(self._actor, self._stamp, error, self._start_ns, end_ns)


def configure(
    service: str, version: str, settings: TelemetrySettings, now_ns: Callable[[], int]
) -> Tracing:
    """Return the tracing of a service; ConfigurationError when the endpoint is not a URL."""
    if settings.otlp_endpoint is None:
        return Tracing(now_ns)
    # Imported here because it costs 0.3 s and 9 MB that a desk without a collector saves.
    from shared.telemetry import spans  # noqa: PLC0415

    exporter = spans.otlp_exporter(_traces_url(settings.otlp_endpoint))
    recorder = spans.SpanRecorder(service, version, exporter, settings.trace_sample_ratio)
    return Tracing(now_ns, recorder)


def _traces_url(endpoint: str) -> str:
    """Accept a collector's base URL, as everybody writes it, and the full one."""
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"telemetry.otlp_endpoint: {endpoint!r} is not a URL like http://127.0.0.1:4318"
        )
    return endpoint if parts.path.strip("/") else f"{endpoint.rstrip('/')}/v1/traces"
