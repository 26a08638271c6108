"""From an archive back onto a server: the same tape, every message at its own sequence.

Every publish expects the stream to end right before it, so no message can come to stand anywhere
else, whatever is lost on the way. Where the archive has a gap, a placeholder is published and
purged at the end: the server then counts on as if a message had been there. The stream's metadata
say that an import is under way, and nobody opens the tape until it is finished; an interrupted
one goes on where it ended.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.domain.errors import ConfigurationError, UnavailableError
from shared.tape.administration import (
    StreamInfo,
    delete_stream,
    purge,
    set_metadata,
    stream_info,
)
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry
from shared.tape.interface import Bounds
from shared.tape.jetstream import REQUEST_TIMEOUT_S, TAPE_ID_KEY, create_stream
from shared.tape.marks import (
    IMPORTED_TO,
    IMPORTING,
    KEPT_DAYS_SHORTEST,
    RECORDED,
    TRIMMED_BEFORE,
    marks_of,
)

WINDOW_MESSAGES = 500  # published before one acknowledgement is waited for
WINDOW_BYTES = 4 * 1024 * 1024
TRIES_MAX = 5
RETRY_S = 0.5
PLACEHOLDER = "data.placeholder.gap"


class ImportRefusedError(ConfigurationError):
    """The archive does not belong onto this server; the text says what to do."""


class _PubAck(Struct):
    seq: int = 0
    error: dict[str, object] | None = None


class Restored(Struct, frozen=True):
    """What an import did. `continued_at` is where an earlier one had ended, 0 for none."""

    tape_id: str
    first_seq: int
    last_seq: int
    messages: int
    missing: int
    continued_at: int


async def restore(client: Client, archive: ArchiveTape, told: Callable[[int], None]) -> Restored:
    """Bring an archive onto a server without a tape. `told` hears how many sequences are there.

    Raises ImportRefusedError when the server holds a tape, ArchiveError for a damaged file (what
    was imported stays and can be continued), UnavailableError.
    """
    header, bounds = archive.header, await archive.bounds()
    if not archive.end.chunks:
        raise ImportRefusedError(f"{archive.path} holds no message: there is nothing to import")
    continued_at = await _prepare(client, archive)
    sender = _Sender(client, continued_at or bounds.first - 1)
    for window in _windows(archive, sender.last_seq + 1):
        await sender.send(window)
        told(sender.last_seq - bounds.first + 1)
    info = await _existing(client)
    if info.state.last_seq != bounds.last:
        raise UnavailableError(
            f"the server ends at {info.state.last_seq} instead of {bounds.last}: somebody else"
            " wrote; remove its tape and import again"
        )
    await purge(client, PLACEHOLDER)
    await set_metadata(client, info, _finished(info.metadata, archive.id, bounds))
    return Restored(
        tape_id=header.tape_id,
        first_seq=bounds.first,
        last_seq=bounds.last,
        messages=archive.end.messages,
        missing=bounds.last - bounds.first + 1 - archive.end.messages,
        continued_at=continued_at,
    )


async def _prepare(client: Client, archive: ArchiveTape) -> int:
    """Make the stream, or find out how far an earlier import came."""
    info = await stream_info(client)
    if info is not None and marks_of(info.metadata).importing:
        await _refuse_other_import(archive, info)
        return info.state.last_seq
    if info is not None and info.state.last_seq > 0:
        raise ImportRefusedError(
            f"the server holds tape {info.tape_id or 'without an id'} up to"
            f" {info.state.last_seq:,}: import into an empty state folder (--state NEW), where"
            " nothing can be mixed up"
        )
    if info is not None:  # `tapedeck init` made it, and nobody has said anything yet
        await delete_stream(client)
    first_seq = (await archive.bounds()).first
    await create_stream(client, {IMPORTING: archive.id}, first_seq)
    return 0


async def _refuse_other_import(archive: ArchiveTape, info: StreamInfo) -> None:
    importing = marks_of(info.metadata).importing
    bounds = await archive.bounds()
    begins = info.config.get("first_seq") or 1
    if (importing, begins) != (archive.id, bounds.first) or info.state.last_seq > bounds.last:
        raise ImportRefusedError(
            f"the server holds half of another import (tape {importing} from {begins:,}): import"
            " that archive again, or choose an empty state folder (--state NEW)"
        )


async def _existing(client: Client) -> StreamInfo:
    info = await stream_info(client)
    if info is None:
        raise UnavailableError("the tape is gone from the server")
    return info


def _finished(metadata: dict[str, str], tape_id: str, bounds: Bounds) -> dict[str, str]:
    """Return what the stream says about itself from now on."""
    done = {key: value for key, value in metadata.items() if key != IMPORTING}
    done[TAPE_ID_KEY] = tape_id
    done[IMPORTED_TO] = str(bounds.last)
    if bounds.trimmed_before > 1:
        done[TRIMMED_BEFORE] = str(bounds.trimmed_before)
    if bounds.kept_days:
        done[KEPT_DAYS_SHORTEST] = f"{bounds.kept_days:g}"
    return done


type _Message = tuple[str, bytes, dict[str, str]]


def _windows(archive: ArchiveTape, next_seq: int) -> Iterator[list[_Message]]:
    """Yield what to publish: a message, or a placeholder, for every sequence."""
    window: list[_Message] = []
    size = 0
    for entry in archive.entries(next_seq):
        for _ in range(entry.seq - next_seq):
            window.append((PLACEHOLDER, b"", {}))
            if len(window) >= WINDOW_MESSAGES:
                yield window
                window, size = [], 0
        window.append((entry.subject, entry.payload, _headers(entry)))
        size += len(entry.payload)
        next_seq = entry.seq + 1
        if len(window) >= WINDOW_MESSAGES or size >= WINDOW_BYTES:
            yield window
            window, size = [], 0
    if window:
        yield window


def _headers(entry: Entry) -> dict[str, str]:
    headers = {RECORDED: str(entry.recorded_ns)}
    if entry.fenced:
        headers["Tape-Cause"] = str(entry.cause)
        headers["Tape-Index"] = str(entry.index)
        headers["Tape-Count"] = str(entry.count)
    if entry.trace:
        headers["traceparent"] = entry.trace
    return headers


class _Sender:
    """Publishes windows; `last_seq` is where the stream ends, as the server said."""

    def __init__(self, client: Client, last_seq: int) -> None:
        self._client = client
        self.last_seq = last_seq

    async def send(self, window: list[_Message]) -> None:
        """Have the whole window on the tape; UnavailableError when the server will not."""
        wanted_seq = self.last_seq + len(window)
        why = ""
        for _ in range(TRIES_MAX):
            try:
                why = await self._publish(window[len(window) - (wanted_seq - self.last_seq) :])
            except NatsError as error:
                why = str(error) or type(error).__name__
            if not why:
                self.last_seq = wanted_seq
                return
            await asyncio.sleep(RETRY_S)
            self.last_seq = (await _existing(self._client)).state.last_seq
            if self.last_seq >= wanted_seq:
                return
        raise UnavailableError(
            f"the server does not take message {self.last_seq + 1}: {why}; what is there stays,"
            " the same command goes on from it"
        )

    async def _publish(self, messages: list[_Message]) -> str:
        """Publish in order, wait for the last; return why it was refused, "" when it stands."""
        seq = self.last_seq
        for subject, payload, headers in messages[:-1]:
            headers["Nats-Expected-Last-Sequence"] = str(seq)
            await self._client.publish(subject, payload, headers=headers)
            seq += 1
        subject, payload, headers = messages[-1]
        headers["Nats-Expected-Last-Sequence"] = str(seq)
        reply = await self._client.request(
            subject, payload, headers=headers, timeout=REQUEST_TIMEOUT_S
        )
        ack = msgspec.json.decode(reply.data, type=_PubAck)
        return str(ack.error["description"]) if ack.error else ""
