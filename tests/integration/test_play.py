"""A tape played into somebody else's server: every message, its sequence in a header."""

import asyncio
import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg

from console.embedded import programs
from console.embedded.process import free_port
from console.play import Wanted, play
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.runtime.exits import Exit
from shared.tape.archive import ArchiveTape
from tests.e2e.desk import wait_until
from tests.golden.stories import path_of
from tests.tidy.code import ROOT

TAPE = path_of("limits")


@pytest.fixture
def other_server(tmp_path: Path) -> Iterator[str]:
    """A nats-server that knows nothing of desks."""
    port = free_port()
    process = subprocess.Popen(
        [str(programs.nats_server()), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", tmp_path],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_until(lambda: answers(port), 10, "the server does not answer")
    yield f"nats://127.0.0.1:{port}"
    process.terminate()
    process.wait(10)


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


async def heard(url: str, subject: str, wanted: Wanted) -> list[Msg]:
    """Listen, play in a thread of its own, and return what came."""
    client = await nats.connect(url, connect_timeout=5)
    subscription = await client.subscribe(subject, pending_msgs_limit=-1)
    await client.flush()
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "console.cli", "play", "--onto", url, "--tape", str(TAPE)),
        *("--speed", wanted.speed, "--prefix", wanted.prefix, "--json"),
        *(part for one in wanted.subjects for part in ("--subject", one)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await ended.communicate()
    assert ended.returncode == 0
    count = json.loads(out)["messages"]
    found = [await subscription.next_msg(5) for _ in range(count)]
    await client.close()
    return found


def test_every_message_arrives_in_order_as_it_was_recorded(other_server: str) -> None:
    entries = list(ArchiveTape.open(TAPE).entries())
    wanted = Wanted(other_server, "max", "yesterday.")
    messages = asyncio.run(heard(other_server, "yesterday.>", wanted))
    assert [m.subject for m in messages] == [f"yesterday.{one.subject}" for one in entries]
    assert [m.data for m in messages] == [one.payload for one in entries]
    headers = [m.headers or {} for m in messages]
    assert [int(one["Tape-Seq"]) for one in headers] == [one.seq for one in entries]
    assert [int(one["Tape-Cause-Seq"]) for one in headers] == [one.cause for one in entries]


def test_a_filter_lets_through_what_it_covers(other_server: str) -> None:
    wanted = Wanted(other_server, "max", "", ("execution.>",))
    messages = asyncio.run(heard(other_server, "execution.>", wanted))
    assert {m.subject.split(".")[0] for m in messages} == {"execution"}


def test_ctrl_c_says_how_far_it_came(other_server: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "console.cli", "play", "--onto", other_server, "--speed", "1x",
         "--tape", str(TAPE), "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    time.sleep(2)  # it waits for the second minute of its market by then
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=10)
    assert process.returncode == 130
    told = json.loads(out)
    assert not told["complete"]
    assert 0 < told["last_seq"] < 100


def test_a_server_that_would_keep_it_is_refused(other_server: str) -> None:
    async def keep() -> None:
        client = await nats.connect(other_server, connect_timeout=5)
        await client.jetstream().add_stream(name="KEEPER", subjects=["data.>"])
        await client.close()

    asyncio.run(keep())
    with pytest.raises(UnavailableError, match="stream KEEPER on that server keeps what is"):
        play(Wanted(other_server, "max"), None, TAPE)
    assert play(Wanted(other_server, "max", "replayed."), None, TAPE) == Exit.OK


def test_a_wrong_server_is_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"as in nats://127\.0\.0\.1:4222"):
        play(Wanted("localhost", "max"), None, TAPE)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        play(Wanted(f"nats://127.0.0.1:{free_port()}", "max"), None, TAPE)
