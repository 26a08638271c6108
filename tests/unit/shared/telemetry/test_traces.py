"""Tracing costs nothing when nobody listens, and never holds up who stops."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import override

import pytest

from shared.config.desk import TelemetrySettings
from shared.domain.errors import ConfigurationError
from shared.runtime.clock import now_ns
from shared.telemetry import context, traces
from shared.telemetry.traces import Tracing
from tests.unit.shared.telemetry.desk import DATA, STRATEGY, Desk, a_bar, a_signal


@contextmanager
def collector(bodies: dict[str, list[bytes]]) -> Iterator[str]:
    """Serve an OTLP collector that keeps what it is sent, by path; yield its base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            bodies.setdefault(self.path, []).append(self.rfile.read(size))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        @override
        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def speak_once(tracing: Tracing) -> str:
    """Let a strategy say one signal under `tracing`; return the signal's id."""
    desk = Desk(tracing=tracing)
    tick = desk.tell(DATA, a_bar(), "SPY@1")
    return desk.answer(STRATEGY, tick, "bar", a_signal()).id


def test_without_an_endpoint_no_opentelemetry_module_is_imported() -> None:
    code = (
        "import sys\n"
        "from shared.config.desk import TelemetrySettings\n"
        "from shared.runtime.clock import now_ns\n"
        "from shared.telemetry.traces import configure\n"
        "assert not configure('risk', '1', TelemetrySettings(), now_ns).is_recording\n"
        "assert not any(name.startswith('opentelemetry') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_the_message_in_hand_is_known_only_while_it_is_handled() -> None:
    tick = Desk().tell(DATA, a_bar(), "SPY@1")
    with Tracing(now_ns).handling(STRATEGY, tick, "bar"):
        assert context.handled.get() == tick
    assert context.handled.get() is None


def test_an_error_while_handling_is_not_swallowed() -> None:
    tick = Desk().tell(DATA, a_bar(), "SPY@1")
    with pytest.raises(ZeroDivisionError), Desk().tracing(STRATEGY).handling(STRATEGY, tick, "bar"):
        raise ZeroDivisionError
    assert context.handled.get() is None


@pytest.mark.parametrize("suffix", ["", "/", "/v1/traces"])
def test_spans_reach_a_collector_named_by_its_base_or_its_full_url(suffix: str) -> None:
    bodies: dict[str, list[bytes]] = {}
    with collector(bodies) as url:
        settings = TelemetrySettings(otlp_endpoint=url + suffix)
        tracing = traces.configure("strategy", "1", settings, now_ns)
        assert tracing.is_recording
        signal_id = speak_once(tracing)
        tracing.close()
    (path,) = bodies
    assert path == "/v1/traces"
    assert bytes.fromhex(context.trace_id(signal_id)) in b"".join(bodies[path])


def test_a_collector_that_is_away_holds_up_nobody_and_leaves_no_thread() -> None:
    before = threading.enumerate()
    settings = TelemetrySettings(otlp_endpoint="http://127.0.0.1:9")
    tracing = traces.configure("strategy", "1", settings, now_ns)
    speak_once(tracing)
    tracing.close(timeout_s=0.2)
    # A retry that lives on would also disturb the random numbers of the tests after this one.
    for thread in set(threading.enumerate()) - set(before):
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("endpoint", ["localhost:4318", "ftp://a", "http://", "here"])
def test_an_endpoint_that_is_no_url_is_refused_by_its_key(endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match=r"telemetry\.otlp_endpoint"):
        traces.configure("risk", "1", TelemetrySettings(otlp_endpoint=endpoint), now_ns)


def test_nothing_is_recorded_and_nothing_breaks_without_a_recorder() -> None:
    tracing = Tracing(now_ns)
    assert not tracing.is_recording
    tracing.told(Desk().report(speak_once(tracing)), now_ns())
    tracing.close()
