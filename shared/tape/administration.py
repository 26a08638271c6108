"""What only the administrator does to a tape's stream: its metadata, and purging."""

from typing import Any

import msgspec
from msgspec import Struct, field
from nats.aio.client import Client
from nats.errors import Error as NatsError

from shared.domain.errors import UnavailableError
from shared.tape.jetstream import REQUEST_TIMEOUT_S, STREAM, TAPE_ID_KEY

PURGE_TIMEOUT_S = 120.0  # a large tape is purged block by block


class StreamState(Struct, frozen=True):
    """How much a stream holds. `subjects` counts messages by subject, when asked for."""

    messages: int
    first_seq: int
    last_seq: int
    num_deleted: int = 0
    subjects: dict[str, int] = field(default_factory=dict)


class StreamInfo(Struct, frozen=True):
    """A stream as the server describes it; `config` stays what it is, to be sent back changed."""

    state: StreamState
    config: dict[str, Any]

    @property
    def metadata(self) -> dict[str, str]:
        """What the stream says about itself."""
        return dict(self.config.get("metadata") or {})

    @property
    def tape_id(self) -> str:
        """The tape's id, "" when it has none."""
        return self.metadata.get(TAPE_ID_KEY, "")


async def stream_info(client: Client, *, with_subjects: bool = False) -> StreamInfo | None:
    """Describe the tape's stream, None when there is none."""
    found: StreamInfo | None = None
    subjects: dict[str, int] = {}
    while True:
        query = {"subjects_filter": ">", "offset": len(subjects)} if with_subjects else {}
        answer = await _ask(client, f"$JS.API.STREAM.INFO.{STREAM}", query)
        if answer.get("error", {}).get("code") == 404:
            return None
        found = msgspec.convert(_checked(answer, "described"), StreamInfo)
        subjects |= found.state.subjects
        if not with_subjects or len(subjects) >= answer.get("total", 0):
            return msgspec.structs.replace(
                found, state=msgspec.structs.replace(found.state, subjects=subjects)
            )


async def set_metadata(client: Client, info: StreamInfo, metadata: dict[str, str]) -> None:
    """Have the stream say this about itself; the rest of its configuration stays."""
    config = info.config | {"metadata": metadata}
    _checked(await _ask(client, f"$JS.API.STREAM.UPDATE.{STREAM}", config), "marked")


async def set_replicas(client: Client, stream: str, count: int) -> None:
    """Have a stream keep so many copies, each on a server of its own; more come without a pause.

    Nothing to do when it does. UnavailableError when there are not so many servers.
    """
    answer = _checked(await _ask(client, f"$JS.API.STREAM.INFO.{stream}", {}), "described")
    config: dict[str, Any] = answer["config"]
    if config.get("num_replicas", 1) != count:
        changed = config | {"num_replicas": count}
        _checked(await _ask(client, f"$JS.API.STREAM.UPDATE.{stream}", changed), "copied")


async def purge(client: Client, pattern: str, before_seq: int | None = None) -> int:
    """Remove what a filter covers before a sequence (all of it without one); return how many."""
    query: dict[str, object] = {"filter": pattern}
    if before_seq is not None:
        query["seq"] = before_seq
    subject = f"$JS.API.STREAM.PURGE.{STREAM}"
    answer = await _ask(client, subject, query, timeout_s=PURGE_TIMEOUT_S)
    return int(_checked(answer, "trimmed")["purged"])


async def delete_stream(client: Client) -> None:
    """Remove the stream and everything in it."""
    _checked(await _ask(client, f"$JS.API.STREAM.DELETE.{STREAM}", {}), "removed")


async def _ask(
    client: Client, subject: str, query: dict[str, Any], timeout_s: float = REQUEST_TIMEOUT_S
) -> dict[str, Any]:
    payload = msgspec.json.encode(query) if query else b""
    try:
        reply = await client.request(subject, payload, timeout=timeout_s)
    except NatsError as error:
        text = str(error) or type(error).__name__
        raise UnavailableError(f"NATS does not answer: {text}") from error
    return msgspec.json.decode(reply.data, type=dict[str, Any])


def _checked(answer: dict[str, Any], what: str) -> dict[str, Any]:
    if "error" in answer:
        raise UnavailableError(f"the tape cannot be {what}: {answer['error']['description']}")
    return answer
