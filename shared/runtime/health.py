"""What a service answers about itself, over HTTP: is it alive, is it ready, what did it count.

`/health/live` says that the event loop runs. `/health/ready` lists the checks and the actors'
places on the tape, with 503 while any check fails. A check that is kept alive by `beat` fails by
itself when the beats stop: readiness goes stale when the tape does. `/metrics` is for Prometheus.

The server speaks just enough HTTP/1.1 for probes and scrapers: GET and HEAD, one request a
connection, everything bounded.
"""

import asyncio
import errno
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Self

import msgspec
from msgspec import Struct

from shared.domain.errors import UnavailableError
from shared.runtime.clock import monotonic_s
from shared.telemetry.metrics import CONTENT_TYPE, Metrics

REQUEST_BYTES_MAX = 8_192
REQUEST_S_MAX = 5.0
CONNECTIONS_MAX = 32

_JSON = "application/json"
_HEAD_END = b"\r\n\r\n"


class Check(Struct, frozen=True):
    """One condition of readiness."""

    ok: bool
    detail: str = ""


class Place(Struct, frozen=True):
    """Where an actor is: last sequence handled, messages behind the end, and what it does."""

    seq: int
    lag: int
    state: str


class Report(Struct, frozen=True):
    """The answer to `/health/ready`."""

    service: str
    version: str
    ready: bool
    checks: dict[str, Check]
    actors: dict[str, Place]


class Readiness:
    """What is known about a service's ability to work. Written by the runtime, read by probes.

    Not ready until the first check is set, and while any check is not ok.
    """

    def __init__(
        self,
        service: str,
        version: str,
        stale_after_s: float,
        clock: Callable[[], float] = monotonic_s,
    ) -> None:
        self.service = service
        self.version = version
        self._stale_after_s = stale_after_s
        self._clock = clock
        self._checks: dict[str, Check] = {}
        self._beats: dict[str, float] = {}
        self._actors: dict[str, Place] = {}

    def set(self, name: str, ok: bool, detail: str = "") -> None:  # noqa: FBT001 - a fact, not a switch
        """State a check; it holds until stated otherwise."""
        self._beats.pop(name, None)
        self._checks[name] = Check(ok, detail)

    def beat(self, name: str, detail: str = "") -> None:
        """Confirm a check now; it fails when not confirmed again within `stale_after_s`."""
        self._beats[name] = self._clock()
        self._checks[name] = Check(ok=True, detail=detail)

    def place(self, actor: str, seq: int, lag: int, state: str) -> None:
        """State where an actor is."""
        self._actors[actor] = Place(seq, lag, state)

    def forget(self, actor: str) -> None:
        """An actor has moved to another instance: it is none of our business any more."""
        self._actors.pop(actor, None)
        self._checks.pop(actor, None)
        self._beats.pop(actor, None)

    def report(self) -> Report:
        """Return what is true now."""
        checks = {name: self._aged(name, check) for name, check in self._checks.items()}
        return Report(
            service=self.service,
            version=self.version,
            ready=bool(checks) and all(check.ok for check in checks.values()),
            checks=checks,
            actors=dict(self._actors),
        )

    def _aged(self, name: str, check: Check) -> Check:
        silent_s = self._clock() - self._beats.get(name, self._clock())
        if silent_s <= self._stale_after_s:
            return check
        return Check(ok=False, detail=f"not confirmed for {silent_s:.0f} s")


class HealthServer:
    """Serves health and metrics while its context is open.

    `port` 0 picks a free one; `port` then says which. Entering raises UnavailableError when the
    port is taken or the host cannot be listened on.
    """

    def __init__(self, host: str, port: int, readiness: Readiness, metrics: Metrics) -> None:
        self.host = host
        self.port = port
        self._readiness = readiness
        self._metrics = metrics
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.StreamWriter, None] = {}

    async def __aenter__(self) -> Self:
        try:
            self._server = await asyncio.start_server(
                self._serve, self.host, self.port, limit=REQUEST_BYTES_MAX
            )
        except OSError as error:
            raise UnavailableError(self._explain(error)) from error
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in tuple(self._open):
            writer.transport.abort()
        await self._server.wait_closed()

    def _explain(self, error: OSError) -> str:
        service = self._readiness.service
        if error.errno == errno.EADDRINUSE:
            return (
                f"port {self.port} for {service}'s health is taken;"
                f" free it or set TAPEDECK__HEALTH__{service.upper()}_PORT"
            )
        return (
            f"{service}'s health cannot listen on {self.host}:{self.port}"
            f" ({error.strerror or error}); set TAPEDECK__HEALTH__HOST"
            f" or TAPEDECK__HEALTH__{service.upper()}_PORT"
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._open) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        self._open[writer] = None
        try:
            async with asyncio.timeout(REQUEST_S_MAX):
                writer.write(await self._answer(reader))
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (
            TimeoutError,
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.LimitOverrunError,
        ):
            # Slow, gone, or talking without end: not a probe, so there is nobody to answer.
            writer.transport.abort()
        finally:
            del self._open[writer]

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(_HEAD_END)
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            return _response(HTTPStatus.BAD_REQUEST, b"not HTTP/1.1\n")
        if words[0] not in (b"GET", b"HEAD"):
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, b"GET or HEAD only\n")
        status, body, kind = self._page(words[1].split(b"?", 1)[0])
        return _response(status, body, kind, with_body=words[0] == b"GET")

    def _page(self, path: bytes) -> tuple[HTTPStatus, bytes, str]:
        if path == b"/health/live":
            alive = {"service": self._readiness.service, "version": self._readiness.version}
            return HTTPStatus.OK, msgspec.json.encode(alive | {"live": True}), _JSON
        if path == b"/health/ready":
            report = self._readiness.report()
            status = HTTPStatus.OK if report.ready else HTTPStatus.SERVICE_UNAVAILABLE
            return status, msgspec.json.encode(report), _JSON
        if path == b"/metrics":
            return HTTPStatus.OK, self._metrics.render(), CONTENT_TYPE
        return (
            HTTPStatus.NOT_FOUND,
            b"/health/live, /health/ready and /metrics are served here\n",
            "text/plain",
        )


def _response(
    status: HTTPStatus, body: bytes, kind: str = "text/plain", *, with_body: bool = True
) -> bytes:
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Connection: close",
    ]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    head = "\r\n".join(lines).encode() + _HEAD_END
    return head + body if with_body else head
