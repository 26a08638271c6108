"""`tapedeck play`: a recorded tape into another NATS server, for whoever listens there.

Messages go out on their own subjects (behind a prefix, if wished) with what the tape knew of them
in headers. They are ordinary NATS messages, not another tape: who wants one uses `tape import`.
Time is the messages' own, so that yesterday takes a day at 1x, however it was recorded.
"""

import asyncio
import signal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError

from console.describe import moment
from console.failure import INTERRUPTED
from console.output import print_json
from console.tape_source import everything, open_source, progress, resolve
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.runtime.exits import Exit
from shared.runtime.feed import Pace, speed_of
from shared.subjects import matches
from shared.tape.client import Login, connect
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape

CONNECT_S = 5.0
FLUSH_EVERY = 500  # messages on their way at once
SEQ, RECORDED, CAUSE, TAPE = "Tape-Seq", "Tape-Recorded-Ns", "Tape-Cause-Seq", "Tape-Id"


class Wanted(NamedTuple):
    """What the command line says. `subjects` are filters, none for all."""

    onto: str
    speed: str = "1x"
    prefix: str = ""
    subjects: tuple[str, ...] = ()
    from_text: str | None = None
    to_text: str | None = None
    as_json: bool = False


class _Played(msgspec.Struct):
    """How far it came."""

    messages: int = 0
    last_seq: int = 0
    last_ns: int = 0


def play(wanted: Wanted, state: Path | None, file: Path | None) -> int:
    """Publish a tape; return the exit code: 130 when Ctrl-C ended it early.

    Raises ConfigurationError, and UnavailableError for a server that cannot be reached or that
    keeps what is published on these subjects.
    """
    speed = speed_of(wanted.speed)
    played = _Played()
    is_complete = asyncio.run(_play(wanted, speed, state, file, played))
    if wanted.as_json:
        print_json({**msgspec.to_builtins(played), "complete": is_complete})
    else:
        place = f"up to {played.last_seq:,}, {moment(played.last_ns)} UTC"
        print(f"{played.messages:,} messages played {place}")
    return Exit.OK if is_complete else INTERRUPTED


async def _play(
    wanted: Wanted, speed: float | None, state: Path | None, file: Path | None, played: _Played
) -> bool:
    """Play until the end or until somebody interrupts; tell which."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_source(state, file) as tape:
        client = await _connected(wanted.onto)
        try:
            await _refuse_a_keeper(client, wanted.prefix)
            await _publish_all(tape, client, wanted, speed, played, stop)
            await client.flush()
        except NatsError as error:
            raise UnavailableError(f"--onto {_place(wanted.onto)}: {error}") from None
        finally:
            await client.close()
    return not stop.is_set()


async def _publish_all(
    tape: ReadableTape,
    client: Client,
    wanted: Wanted,
    speed: float | None,
    played: _Played,
    stop: asyncio.Event,
) -> None:
    bounds = await tape.bounds()
    first, last = bounds.first, bounds.last
    if wanted.from_text is not None:
        first = await resolve(tape, bounds, wanted.from_text, "--from")
    if wanted.to_text is not None:
        last = min(last, await resolve(tape, bounds, wanted.to_text, "--to"))
    pace = None if speed is None else Pace(speed)
    quiet = wanted.as_json
    with progress("playing", last, quiet=quiet) as told:
        async for entry in everything(tape, last):
            if entry.seq < first or not _is_wanted(entry, wanted.subjects):
                continue
            ts_ns = entry.open()[0].ts_ns
            if pace is not None and ts_ns > played.last_ns:
                pace.aim(ts_ns)
                await _wait(pace.wait_s(), stop)
            if stop.is_set():
                return
            await client.publish(
                wanted.prefix + entry.subject, entry.payload, headers=_headers(tape.id, entry)
            )
            played.messages += 1
            played.last_seq, played.last_ns = entry.seq, max(played.last_ns, ts_ns)
            told(entry.seq)
            if played.messages % FLUSH_EVERY == 0:
                await client.flush()


async def _wait(seconds: float, stop: asyncio.Event) -> None:
    if seconds <= 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _headers(tape_id: str, entry: Entry) -> dict[str, str]:
    return {
        TAPE: tape_id,
        SEQ: str(entry.seq),
        RECORDED: str(entry.recorded_ns),
        CAUSE: str(entry.cause),
    }


def _is_wanted(entry: Entry, subjects: tuple[str, ...]) -> bool:
    return not subjects or any(matches(pattern, entry.subject) for pattern in subjects)


async def _connected(url: str) -> Client:
    """Connect as who the URL says."""
    parts = urlsplit(url)
    if parts.scheme not in ("nats", "tls") or not parts.hostname:
        raise ConfigurationError(f"--onto {_place(url)}: as in nats://127.0.0.1:4222")
    login = Login(parts.username, parts.password)
    return await connect(_place(url), name="play", login=login, timeout_s=CONNECT_S)


async def _refuse_a_keeper(client: Client, prefix: str) -> None:
    """Refuse a server with a stream that would take these messages for its own.

    On a desk's own server they would be forgeries; anywhere else they would be kept unasked.
    """
    manager = client.jetstream(timeout=CONNECT_S)
    try:
        keeper = await manager.find_stream_name_by_subject(f"{prefix}data.file.clock")
    except (JetStreamError, NatsError, TimeoutError):
        return  # no JetStream there, or no such stream
    raise UnavailableError(
        f"stream {keeper} on that server keeps what is published on {prefix}data.>: play behind a"
        " --prefix, or onto another server"
    )


def _place(url: str) -> str:
    """Return a URL without who logs in."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
