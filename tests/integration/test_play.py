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
from console.play import Wanted, play, server_of
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.runtime.exits import Exit
from shared.tape.archive import ArchiveTape
from tests.e2e.desk import wait_until
from tests.golden.stories import path_of
from tests.servers import NatsUnderTest
from tests.tapes import fresh_tape
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
    async def interrupted() -> tuple[int | None, bytes]:
        client = await nats.connect(other_server, connect_timeout=5)
        bars = await client.subscribe("data.file.bar.>")
        await client.flush()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "console.cli", "play", "--onto", other_server),
            *("--speed", "1x", "--tape", str(TAPE), "--json"),
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        await bars.next_msg(30)  # from here on it waits for its market's second minute
        process.send_signal(signal.SIGINT)
        out, _ = await process.communicate()
        await client.close()
        return process.returncode, out

    code, out = asyncio.run(interrupted())
    assert code == 130
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


def test_a_stream_that_keeps_only_a_part_is_found_too(other_server: str) -> None:
    async def keep() -> None:
        client = await nats.connect(other_server, connect_timeout=5)
        await client.jetstream().add_stream(name="ORDERS", subjects=["execution.*.filled.>"])
        await client.close()

    asyncio.run(keep())
    with pytest.raises(UnavailableError, match="stream ORDERS on that server"):
        play(Wanted(other_server, "max"), None, TAPE)


def test_a_desks_own_server_is_refused(clean_nats: NatsUnderTest, tmp_path: Path) -> None:
    async def make_tape() -> None:
        async with fresh_tape(clean_nats):
            pass

    def play_as(user: str) -> None:
        seed = tmp_path / f"{user}.nk"
        seed.write_text(clean_nats.logins[user].seed or "", encoding="ascii")
        play(Wanted(clean_nats.url, "max", server=server_of(user, None, seed, None)), None, TAPE)

    asyncio.run(make_tape())
    for user in clean_nats.logins:
        with pytest.raises(UnavailableError, match="that server holds a desk's tape"):
            play_as(user)


def test_the_market_sets_the_pace_and_no_wall_time(other_server: str) -> None:
    """A command's own time is years behind the market's; what follows is paced all the same."""
    wanted = Wanted(other_server, "6000x", from_text="1", to_text="400")
    began_s = time.monotonic()
    assert play(wanted, None, TAPE) == Exit.OK
    entries = [one for one in ArchiveTape.open(TAPE).entries() if one.seq <= 400]
    times = [one.open()[0].ts_ns for one in entries if one.subject.startswith("data.file.bar")]
    assert time.monotonic() - began_s >= (times[-1] - times[0]) / 6_000 / 10**9


def test_the_rate_has_a_limit(other_server: str) -> None:
    began_s = time.monotonic()
    assert play(Wanted(other_server, "max", to_text="300", rate=400), None, TAPE) == Exit.OK
    assert time.monotonic() - began_s >= 280 / 400


def test_what_is_not_on_the_tape_cannot_be_played(other_server: str) -> None:
    with pytest.raises(ConfigurationError, match="nothing to play from 99,999,999 to"):
        play(Wanted(other_server, "max", from_text="99999999"), None, TAPE)
    with pytest.raises(ConfigurationError, match="exclude each other"):
        server_of("me", "secret", Path("seed.nk"), None)
