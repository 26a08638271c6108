"""A service as a process: it starts, says where it serves, stops when told, and says why not."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from shared.runtime.exits import Exit
from tests.servers import NatsUnderTest
from tests.tapes import fresh_tape


def environment(server: NatsUnderTest, more: Mapping[str, str]) -> dict[str, str]:
    return os.environ | {
        **server.environment("risk"),
        "TAPEDECK__HEALTH__RISK_PORT": "0",
        **more,
    }


def start(server: NatsUnderTest, **more: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "services.risk.main"],
        env=environment(server, more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def last_line(text: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(text.strip().splitlines()[-1])
    return found


@pytest.fixture
def tape_server(nats_server: NatsUnderTest) -> NatsUnderTest:
    async def make() -> None:
        async with fresh_tape(nats_server):
            pass

    asyncio.run(make())
    return nats_server


def test_it_serves_until_it_is_told_to_stop(tape_server: NatsUnderTest) -> None:
    process = start(tape_server)
    assert process.stderr is not None
    try:
        serving = json.loads(process.stderr.readline())
        assert serving["event"] == "serving"
        assert serving["health_port"] > 0
        began_s = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == Exit.OK
    assert last_line(err)["event"] == "stopped"
    assert out == ""
    assert time.monotonic() - began_s < 10


@pytest.mark.parametrize(
    ("setting", "value", "code", "sentence"),
    [
        ("TAPEDECK__RISK__NO_SUCH_LIMIT", "1", Exit.BAD_INPUT, "risk.no_such_limit: unknown key"),
        ("TAPEDECK__NATS__URL", "nats://127.0.0.1:1", Exit.UNAVAILABLE, "cannot be reached"),
        ("TAPEDECK__HEALTH__HOST", "192.0.2.1", Exit.UNAVAILABLE, "health cannot listen on"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_an_exit_code(
    tape_server: NatsUnderTest, setting: str, value: str, code: Exit, sentence: str
) -> None:
    process = start(tape_server, **{setting: value, "TAPEDECK__NATS__CONNECT_TIMEOUT_S": "1"})
    out, err = process.communicate(timeout=20)

    assert process.returncode == code
    assert sentence in str(last_line(err)["error"])
    assert "Traceback" not in err
    assert out == ""


def test_a_server_without_a_tape_is_refused_with_advice(clean_nats: NatsUnderTest) -> None:
    process = start(clean_nats)
    _, err = process.communicate(timeout=20)

    assert process.returncode == Exit.UNAVAILABLE
    assert "tapedeck init" in str(last_line(err)["error"])
