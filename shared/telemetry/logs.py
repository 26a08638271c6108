"""Structured logs on standard error: one JSON object a line, or text for a person.

Every line starts with `ts` (ISO 8601, UTC, microseconds), `level`, `service` and `event`; then
what the caller bound (`actor`, `symbol` …). While a message is handled its `seq`, `trace_id` and
`span_id` are added. Libraries that use `logging` come out the same way. Values under keys that
name a secret, and passwords inside URLs, are masked.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, BinaryIO, override

import msgspec
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from shared.config.desk import TelemetrySettings
from shared.telemetry import context

MASK = "********"
DEPTH_MAX = 8  # nested values below it are cut: a log line is not a data dump
FRAMES_MAX = 20  # of a traceback, innermost last

_SECRET_KEY = re.compile("password|secret|token|key|credential", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(://[^\s:/@]*):[^\s/@]+@")


def configure(
    service: str, settings: TelemetrySettings, stream: BinaryIO | None = None
) -> FilteringBoundLogger:
    """Return the logger of a service, and route the standard library's loggers through it.

    `stream` is standard error unless given.
    """
    stream = sys.stderr.buffer if stream is None else stream
    level = logging.getLevelNamesMapping()[settings.log_level]
    form = _json_form() if settings.log_format == "json" else _console_form(stream)
    logger: FilteringBoundLogger = structlog.wrap_logger(
        structlog.BytesLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            _add_handled,
            *form,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
        service=service,
    )
    _adopt_standard_loggers(logger.bind(), level)
    return logger.bind()


def _json_form() -> list[Processor]:
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False, max_frames=FRAMES_MAX)
    return [structlog.processors.ExceptionRenderer(frames), _mask, _encode]


def _console_form(stream: BinaryIO) -> list[Processor]:
    renderer = structlog.dev.ConsoleRenderer(
        colors=stream.isatty(),
        timestamp_key="ts",
        # The default would print local variables, secrets among them.
        exception_formatter=structlog.dev.plain_traceback,
    )

    def render(logger: WrappedLogger, name: str, event: EventDict) -> bytes:
        return str(renderer(logger, name, event)).encode(errors="backslashreplace")

    return [_mask, render]


def _add_handled(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    stamp = context.handled.get()
    if stamp is not None:
        event.setdefault("seq", stamp.seq)
        event["trace_id"] = context.trace_id(stamp.correlation_id)
        event["span_id"] = context.span_id(stamp.id)
    return event


def _mask(_logger: WrappedLogger, _name: str, event: EventDict) -> EventDict:
    raised = event.pop("exc_info", None)  # the console renderer's, not a value to look into
    masked: EventDict = _masked(event, DEPTH_MAX)
    if raised is not None:
        masked["exc_info"] = raised
    return masked


def _masked(value: Any, depth: int) -> Any:  # noqa: ANN401 - any value may be logged
    if isinstance(value, str):
        return _URL_PASSWORD.sub(rf"\1:{MASK}@", value) if "://" in value else value
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(key): MASK if _SECRET_KEY.search(str(key)) else _masked(item, depth - 1)
            for key, item in value.items()
        }
    return [_masked(item, depth - 1) for item in value]


def _encode(_logger: WrappedLogger, _name: str, event: EventDict) -> bytes:
    line: EventDict = {"ts": None, "level": None, "service": None, "event": None}
    line.update(event)
    try:
        return msgspec.json.encode(line, enc_hook=repr)
    except (TypeError, ValueError, OverflowError):
        # A value JSON has no form for (a lone surrogate, a huge integer): say it all the same.
        return msgspec.json.encode({key: ascii(value) for key, value in line.items()})


class _Adopted(logging.Handler):
    """Hands what a library logged to the service's own logger."""

    def __init__(self, logger: FilteringBoundLogger) -> None:
        super().__init__()
        self._logger = logger

    @override
    def emit(self, record: logging.LogRecord) -> None:
        self._logger.log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


def _adopt_standard_loggers(logger: FilteringBoundLogger, level: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Adopted(logger)]
    # Libraries narrate at INFO what only a person debugging them wants to read.
    root.setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
    logging.captureWarnings(capture=True)
