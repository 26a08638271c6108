"""Probes are answered from what the runtime knows, briefly and within bounds."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from shared.domain.errors import UnavailableError
from shared.runtime import health
from shared.runtime.health import HealthServer, Readiness
from shared.telemetry.metrics import CONTENT_TYPE, Metrics

STALE_AFTER_S = 30.0


class Clock:
    """A monotonic clock that stands still until told."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Answer:
    """One HTTP answer, taken apart."""

    def __init__(self, raw: bytes) -> None:
        head, _, self.body = raw.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        self.status = int(status.split()[1])
        self.headers = dict(line.split(": ", 1) for line in lines)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def send(port: int, raw: bytes) -> Answer:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(raw)
    answer = Answer(await reader.read())
    writer.close()
    await writer.wait_closed()
    return answer


async def ask(port: int, path: str, method: str = "GET") -> Answer:
    return await send(port, f"{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())


def a_readiness(clock: Clock | None = None) -> Readiness:
    return Readiness("risk", "0.1.0", STALE_AFTER_S, clock or Clock())


def serve[T](
    conversation: Callable[[HealthServer], Awaitable[T]], readiness: Readiness | None = None
) -> T:
    """Run `conversation` against a server on a free port."""

    async def run() -> T:
        metrics = Metrics("risk", "0.1.0")
        async with HealthServer("127.0.0.1", 0, readiness or a_readiness(), metrics) as server:
            return await conversation(server)

    return asyncio.run(run())


def test_a_service_whose_loop_runs_is_alive_even_when_it_is_not_ready() -> None:
    answer = serve(lambda server: ask(server.port, "/health/live"))
    assert answer.status == 200
    assert answer.json == {"service": "risk", "version": "0.1.0", "live": True}


def test_a_service_is_not_ready_before_its_first_check() -> None:
    answer = serve(lambda server: ask(server.port, "/health/ready"))
    assert answer.status == 503
    assert answer.json["ready"] is False


def test_a_ready_service_says_who_it_is_what_holds_and_where_its_actors_are() -> None:
    readiness = a_readiness()
    readiness.beat("tape", "at 17")
    readiness.set("postgres", ok=True)
    readiness.place("risk.main", seq=17, lag=2, state="live")
    answer = serve(lambda server: ask(server.port, "/health/ready"), readiness)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json == {
        "service": "risk",
        "version": "0.1.0",
        "ready": True,
        "checks": {
            "tape": {"ok": True, "detail": "at 17"},
            "postgres": {"ok": True, "detail": ""},
        },
        "actors": {"risk.main": {"seq": 17, "lag": 2, "state": "live"}},
    }


def test_one_failed_check_makes_a_service_not_ready() -> None:
    readiness = a_readiness()
    readiness.beat("tape")
    readiness.set("postgres", ok=False, detail="connection refused")
    answer = serve(lambda server: ask(server.port, "/health/ready"), readiness)
    assert answer.status == 503
    assert answer.json["checks"]["postgres"] == {"ok": False, "detail": "connection refused"}


def test_readiness_goes_stale_when_the_beats_stop_and_recovers_with_the_next() -> None:
    clock = Clock()
    readiness = a_readiness(clock)
    readiness.beat("tape")
    clock.now_s += STALE_AFTER_S
    assert readiness.report().ready
    clock.now_s += 1
    stale = readiness.report()
    assert not stale.ready
    assert stale.checks["tape"].detail == "not confirmed for 31 s"
    readiness.beat("tape")
    assert readiness.report().ready


def test_a_check_that_is_stated_and_not_beaten_does_not_age() -> None:
    clock = Clock()
    readiness = a_readiness(clock)
    readiness.beat("tape")
    readiness.set("tape", ok=True)
    clock.now_s += 10 * STALE_AFTER_S
    assert readiness.report().ready


def test_a_failure_stated_after_a_beat_is_not_hidden_by_it() -> None:
    readiness = a_readiness()
    readiness.beat("tape")
    readiness.set("tape", ok=False, detail="reader lost")
    assert readiness.report().checks["tape"].detail == "reader lost"


def test_metrics_are_served_as_prometheus_text() -> None:
    answer = serve(lambda server: ask(server.port, "/metrics"))
    assert answer.status == 200
    assert answer.headers["Content-Type"] == CONTENT_TYPE
    assert b'tapedeck_build_info{service="risk",version="0.1.0"} 1.0' in answer.body


def test_a_query_in_the_path_is_ignored() -> None:
    assert serve(lambda server: ask(server.port, "/health/live?probe=1")).status == 200


def test_head_is_answered_without_a_body_but_with_its_length() -> None:
    answer = serve(lambda server: ask(server.port, "/health/live", "HEAD"))
    assert answer.status == 200
    assert answer.body == b""
    assert int(answer.headers["Content-Length"]) > 0


def test_other_paths_are_not_found_and_the_answer_names_the_right_ones() -> None:
    answer = serve(lambda server: ask(server.port, "/"))
    assert answer.status == 404
    assert b"/health/ready" in answer.body


def test_other_methods_are_not_allowed() -> None:
    answer = serve(lambda server: ask(server.port, "/health/live", "POST"))
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("raw", [b"hello\r\n\r\n", b"GET /\r\n\r\n", b"GET / SMTP\r\n\r\n"])
def test_what_is_not_http_is_a_bad_request(raw: bytes) -> None:
    assert serve(lambda server: send(server.port, raw)).status == 400


async def dropped(port: int, raw: bytes = b"") -> bool:
    """Send `raw`, wait, and tell whether the server hangs up without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(raw)
        return await asyncio.wait_for(reader.read(), 10) == b""
    except ConnectionResetError:
        return True
    finally:
        writer.close()


def test_a_request_without_end_is_dropped_at_the_limit() -> None:
    raw = b"GET / HTTP/1.1\r\nX: " + b"a" * (health.REQUEST_BYTES_MAX * 2)
    assert serve(lambda server: dropped(server.port, raw))


def test_a_peer_that_says_nothing_is_dropped_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "REQUEST_S_MAX", 0.05)
    assert serve(lambda server: dropped(server.port))


def test_more_connections_than_allowed_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CONNECTIONS_MAX", 1)

    async def conversation(server: HealthServer) -> bool:
        _, idle = await asyncio.open_connection("127.0.0.1", server.port)
        await asyncio.sleep(0.01)
        try:
            return await dropped(server.port)
        finally:
            idle.close()

    assert serve(conversation)


def test_an_open_connection_does_not_hold_up_the_end() -> None:
    async def run() -> None:
        metrics = Metrics("risk", "0.1.0")
        async with asyncio.timeout(3), HealthServer("127.0.0.1", 0, a_readiness(), metrics) as srv:
            _, idle = await asyncio.open_connection("127.0.0.1", srv.port)
            await asyncio.sleep(0.01)
        idle.close()

    asyncio.run(run())


def test_a_taken_port_is_one_clear_sentence_that_names_the_setting() -> None:
    async def conversation(server: HealthServer) -> str:
        second = HealthServer("127.0.0.1", server.port, a_readiness(), Metrics("risk", "1"))
        with pytest.raises(UnavailableError) as refused:
            await second.__aenter__()
        return str(refused.value).replace(str(server.port), "8103")

    assert serve(conversation) == (
        "port 8103 for risk's health is taken; free it or set TAPEDECK__HEALTH__RISK_PORT"
    )


def test_a_host_that_is_not_ours_is_one_clear_sentence_too() -> None:
    async def run() -> None:
        server = HealthServer("203.0.113.1", 8103, a_readiness(), Metrics("risk", "1"))
        with pytest.raises(UnavailableError, match=r"203\.0\.113\.1:8103.*TAPEDECK__HEALTH__HOST"):
            await server.__aenter__()

    asyncio.run(run())
