"""`tapedeck play`: a recorded tape into another NATS server, for whoever listens there.

Messages go out on their own subjects (behind a prefix, if wished) with what the tape knew of them
in headers. They are ordinary NATS messages, not another tape: who wants one uses `tape import`.
Time is that of the market data, so that yesterday takes a day at 1x, however it was recorded;
what was said about it (orders, commands: their times may be wall times) goes out right behind it.
"""

import asyncio
import signal
from pathlib import Path
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import msgspec
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import NoRespondersError
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError, ServiceUnavailableError
from pydantic import SecretStr

from console.describe import moment
from console.failure import INTERRUPTED
from console.output import print_json
from console.tape_source import everything, open_source, progress, resolve
from shared.config.desk import NatsSettings
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.messages.codec import MessageError
from shared.runtime.clock import monotonic_s
from shared.runtime.exits import Exit
from shared.runtime.feed import Pace, speed_of
from shared.subjects import SERVICES, matches
from shared.tape.client import Login, connect, login_of, tls_of
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape
from shared.tape.jetstream import STREAM

CONNECT_S = 5.0
FLUSH_EVERY = 500  # messages on their way at once
BURSTS_PER_S = 20  # between two of them the rate is looked at
RATE_MAX = 20_000  # messages a second: what listeners in Python keep up with
SEQ, RECORDED, CAUSE, TAPE = "Tape-Seq", "Tape-Recorded-Ns", "Tape-Cause-Seq", "Tape-Id"
TIME = "Tape-Time-Ns"


class Wanted(NamedTuple):
    """What the command line says. `subjects` are filters, none for all; `rate` is the most
    messages a second, at any speed. Who logs in stands in `server`, or in the URL.
    """

    onto: str
    speed: str = "1x"
    prefix: str = ""
    subjects: tuple[str, ...] = ()
    from_text: str | None = None
    to_text: str | None = None
    as_json: bool = False
    rate: int = RATE_MAX
    server: NatsSettings = NatsSettings()


def server_of(
    user: str | None, password: str | None, nkey_file: Path | None, tls_ca: Path | None
) -> NatsSettings:
    """Return how to log in; ConfigurationError for what excludes each other."""
    if password and nkey_file:
        raise ConfigurationError("--password and --nkey-file exclude each other: give one of them")
    return NatsSettings(
        user=user,
        password=None if password is None else SecretStr(password),
        nkey_file=None if nkey_file is None else str(nkey_file),
        tls_ca_file=None if tls_ca is None else str(tls_ca),
    )


class _Played(msgspec.Struct):
    """How far it came."""

    messages: int = 0
    last_seq: int = 0
    last_ns: int = 0
    arrived_seq: int = 0  # the server has everything up to here


def play(wanted: Wanted, state: Path | None, file: Path | None) -> int:
    """Publish a tape; return the exit code: 130 when Ctrl-C ended it early.

    Raises ConfigurationError, and UnavailableError for a server that cannot be reached or that
    keeps what is published on these subjects.
    """
    speed = speed_of(wanted.speed)
    played = _Played()
    is_complete = asyncio.run(_play(wanted, speed, state, file, played))
    told = msgspec.to_builtins(played)
    del told["arrived_seq"]
    if wanted.as_json:
        print_json({**told, "complete": is_complete})
    else:
        place = f"up to {played.last_seq:,}, {moment(played.last_ns)} UTC"
        onward = "" if is_complete else f"; go on with --from {played.last_seq + 1}"
        print(f"{played.messages:,} messages played {place}{onward}")
    return Exit.OK if is_complete else INTERRUPTED


async def _play(
    wanted: Wanted, speed: float | None, state: Path | None, file: Path | None, played: _Played
) -> bool:
    """Play until the end or until somebody interrupts; tell which."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_source(state, file) as tape:
        line = await _Line.open(wanted, played, stop)
        try:
            await _refuse_a_keeper(line.client, wanted.prefix)
            await _publish_all(tape, line, wanted, speed, stop)
            await line.arrive()
        except NatsError as error:
            raise line.broken(str(error) or type(error).__name__) from None
        finally:
            await line.client.close()
    return not stop.is_set()


class _Line:
    """The way to the other server: nothing gets lost on it in silence."""

    def __init__(
        self, client: Client, wanted: Wanted, played: _Played, said: list[str], stop: asyncio.Event
    ) -> None:
        self.client = client
        self.played = played
        self._wanted = wanted
        self._said = said
        self._stop = stop
        self._free_s = monotonic_s()
        self._burst = min(FLUSH_EVERY, max(wanted.rate // BURSTS_PER_S, 1))

    @classmethod
    async def open(cls, wanted: Wanted, played: _Played, stop: asyncio.Event) -> Self:
        """Connect; ConfigurationError for a URL that is none, UnavailableError."""
        said: list[str] = []
        return cls(await _connected(wanted, said), wanted, played, said, stop)

    async def send(self, entry: Entry, tape_id: str, ts_ns: int) -> None:
        """Publish one message; now and then wait for the server, and for the rate."""
        subject = self._wanted.prefix + entry.subject
        await self.client.publish(subject, entry.payload, headers=_headers(tape_id, entry, ts_ns))
        self.played.messages += 1
        self.played.last_seq = entry.seq
        if self.played.messages % self._burst == 0:
            await self.arrive()
            self._free_s = max(self._free_s, monotonic_s()) + self._burst / self._wanted.rate
            await _wait(self._free_s - monotonic_s(), self._stop)

    async def arrive(self) -> None:
        """Wait until the server has read all; UnavailableError when it did not take it."""
        await self.client.flush()  # what was refused is said before it is answered
        if self._said:  # a refusal, or a lost connection: whoever came back has forgotten some
            raise self.broken(self._said[0])
        self.played.arrived_seq = self.played.last_seq

    def broken(self, why: str) -> UnavailableError:
        """Return the sentence that says how far it came."""
        arrived = self.played.arrived_seq
        onward = f"; go on with --from {arrived + 1}" if arrived else ""
        return UnavailableError(f"--onto {_place(self._wanted.onto)}: {why}{onward}")


async def _publish_all(
    tape: ReadableTape, line: _Line, wanted: Wanted, speed: float | None, stop: asyncio.Event
) -> None:
    first, last = await _ends(tape, wanted)
    played = line.played
    pace = None if speed is None else Pace(speed)
    with progress("playing", max(last - first + 1, 0), quiet=wanted.as_json) as told:
        async for entry in everything(tape, last, first):
            if not _is_wanted(entry, wanted.subjects):
                continue
            ts_ns = _time_of(entry)
            if entry.subject.startswith("data.") and ts_ns > played.last_ns:
                played.last_ns = ts_ns
                if pace is not None:
                    pace.aim(ts_ns)
                    await _wait(pace.wait_s(), stop)
            if stop.is_set():
                return
            await line.send(entry, tape.id, ts_ns)
            told(entry.seq - first + 1)


async def _ends(tape: ReadableTape, wanted: Wanted) -> tuple[int, int]:
    bounds = await tape.bounds()
    first, last = bounds.first, bounds.last
    if wanted.from_text is not None:
        first = max(first, await resolve(tape, bounds, wanted.from_text, "--from"))
    if wanted.to_text is not None:
        last = min(last, await resolve(tape, bounds, wanted.to_text, "--to"))
    if first > last:
        raise ConfigurationError(
            f"there is nothing to play from {first:,} to {last:,}: the tape holds"
            f" {bounds.first:,} to {bounds.last:,}"
        )
    return first, last


def _time_of(entry: Entry) -> int:
    """Return a message's own time; 0 for one that this release cannot read, which goes out, too."""
    try:
        return entry.open()[0].ts_ns
    except MessageError:
        return 0


async def _wait(seconds: float, stop: asyncio.Event) -> None:
    if seconds <= 0:
        return
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return


def _headers(tape_id: str, entry: Entry, ts_ns: int) -> dict[str, str]:
    headers = {
        TAPE: tape_id,
        SEQ: str(entry.seq),
        TIME: str(ts_ns),
        RECORDED: str(entry.recorded_ns),
        CAUSE: str(entry.cause),
    }
    return {**headers, "traceparent": entry.trace} if entry.trace else headers


def _is_wanted(entry: Entry, subjects: tuple[str, ...]) -> bool:
    return not subjects or any(matches(pattern, entry.subject) for pattern in subjects)


async def _connected(wanted: Wanted, said: list[str]) -> Client:
    """Connect as who the settings or the URL say; `said` hears what goes wrong later."""
    parts = urlsplit(wanted.onto)
    if parts.scheme not in ("nats", "tls") or not parts.hostname:
        raise ConfigurationError(f"--onto {_place(wanted.onto)}: as in nats://127.0.0.1:4222")
    login = Login(parts.username, parts.password)
    if not parts.username:
        login = login_of(wanted.server, wanted.server.user or "play")
    return await connect(
        _place(wanted.onto),
        name=login.user or "play",  # on a desk's server also where its user is answered
        login=login,
        timeout_s=CONNECT_S,
        tls=tls_of(wanted.server),
        say=said.append,
    )


async def _refuse_a_keeper(client: Client, prefix: str) -> None:
    """Refuse a server with a stream that would take these messages for its own.

    On a desk's own server they would be forgeries; anywhere else they would be kept unasked.
    Who may not ask cannot know, and is refused as well. The tape is asked for by name, too: in
    a desk's zones it can be described to a user who cannot list streams.
    """
    manager = client.jetstream(timeout=CONNECT_S)
    try:
        if await _tells_of_a_tape(manager):
            raise UnavailableError(
                "that server holds a desk's tape: play onto another one, or copy the tape with"
                " `tapedeck tape import`"
            )
        for service in SERVICES:
            keeper = await _keeper(manager, f"{prefix}{service}.>")
            if keeper:
                raise UnavailableError(
                    f"stream {keeper} on that server keeps what is published on"
                    f" {prefix}{service}.>: play behind a --prefix, or onto another server"
                )
    except (NoRespondersError, ServiceUnavailableError):
        return  # it has no JetStream: nothing there is kept
    except (JetStreamError, NatsError, TimeoutError):
        raise UnavailableError(
            "that server does not tell whether it keeps a desk's tape: log in as who may ask"
            " ($JS.API.STREAM.*), or play onto another server"
        ) from None


async def _tells_of_a_tape(manager: JetStreamContext) -> bool:
    try:
        await manager.stream_info(STREAM)
    except NotFoundError:
        return False
    return True


async def _keeper(manager: JetStreamContext, pattern: str) -> str:
    """Return which stream keeps something that a filter covers, "" when none does."""
    try:
        return await manager.find_stream_name_by_subject(pattern)
    except NotFoundError:
        return ""


def _place(url: str) -> str:
    """Return a URL without who logs in."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
