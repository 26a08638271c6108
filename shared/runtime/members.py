"""Who of several instances of a service hosts which actor.

Each instance keeps a key with a time to live in the bucket MEMBERS: who renews it is a live
member. Every actor has one owner among them, by rendezvous hashing: all members compute the same
from the same list, and who joins or leaves moves only his own actors. That decides who does the
work and nothing else. Two members with different lists may host an actor both for a moment; the
fence on its lane keeps that harmless.
"""

import asyncio
import os
import socket
from base64 import b64decode
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import msgspec
from msgspec import Struct, field
from nats.aio.client import Client
from nats.errors import Error as NatsError
from structlog.typing import FilteringBoundLogger

from shared.domain.errors import UnavailableError
from shared.permissions import MEMBERS_BUCKET, MEMBERS_STREAM
from shared.subjects import Lane, decode_token, encode_token

REQUEST_TIMEOUT_S = 2.0
TTL_MIN_S = 1.0  # the server's own
LOOKS_PER_TTL = 10
RENEWALS_PER_TTL = 3
MEMBERS_MAX = 1_000  # in one look; more instances of one service than any desk has
_LOCKSTEP = "lockstep"
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"


class _Error(Struct):
    err_code: int = 0
    description: str = ""


class _Ack(Struct):
    error: _Error | None = None


class _State(Struct):
    subjects: dict[str, int] | None = None


class _Info(Struct):
    state: _State = field(default_factory=_State)
    error: _Error | None = None


class _Stored(Struct):
    data: str = ""


class _MsgGet(Struct):
    message: _Stored | None = None


async def init_members(client: Client) -> None:
    """Create the bucket if there is none."""
    config = {
        "name": MEMBERS_STREAM,
        "subjects": [f"$KV.{MEMBERS_BUCKET}.>"],
        "storage": "file",
        "max_msgs_per_subject": 1,
        "discard": "new",
        "allow_rollup_hdrs": True,
        "allow_direct": True,
        "allow_msg_ttl": True,
        "num_replicas": 1,
    }
    call = f"$JS.API.STREAM.CREATE.{MEMBERS_STREAM}"
    await client.request(call, msgspec.json.encode(config), timeout=REQUEST_TIMEOUT_S)


def default_instance() -> str:
    """Return a name that no other process has: for who was given none."""
    return f"{socket.gethostname()}-{os.getpid()}"


def owner_of(lane: Lane, members: Iterable[str]) -> str | None:
    """Return the member with the highest weight for this actor, None when there is none."""
    return max(members, key=lambda member: (_weight(member, lane), member), default=None)


def _weight(member: str, lane: Lane) -> bytes:
    return blake2b(f"{member}\0{lane}".encode(), digest_size=8).digest()


class Members:
    """One instance's seat among the members of its service.

    `live` is what the last look showed, None until one succeeded: then nobody knows of anybody.
    """

    def __init__(
        self,
        client: Client,
        service: str,
        instance: str,
        ttl_s: float,
        log: FilteringBoundLogger,
    ) -> None:
        self.instance = instance
        self.live: tuple[str, ...] | None = None
        self.pause_s = ttl_s / LOOKS_PER_TTL
        self._client = client
        self._lockstep_subject = f"$KV.{MEMBERS_BUCKET}.{_LOCKSTEP}.{service}"
        self._holds_lockstep = False
        self._log = log
        self._ttl = {"Nats-TTL": f"{max(round(ttl_s), 1)}s"}
        self._prefix = f"$KV.{MEMBERS_BUCKET}.{service}."
        self._renew_s = ttl_s / RENEWALS_PER_TTL
        self._renewed_s = float("-inf")
        self._trouble = ""
        self._ttl_s = ttl_s
        self._doubt_until_s = float("-inf")
        self._is_leaving = False

    async def look(self) -> Sequence[str]:
        """Renew the own key when it is time, and return the live members, oneself among them.

        When the bucket is out of reach that is what was last known; oneself alone before.
        """
        now_s = asyncio.get_running_loop().time()
        try:
            if not self._is_leaving and now_s - self._renewed_s >= self._renew_s:
                await self._put()
                self._renewed_s = now_s
            listed = await self._list()
        except (NatsError, UnavailableError, msgspec.MsgspecError) as error:
            self._say(f"{type(error).__name__}: {error}")
            self._doubt_until_s = now_s + self._ttl_s
        else:
            # After an outage every key has expired, and each comes back in its own time.
            in_doubt = now_s < self._doubt_until_s
            self.live = tuple(sorted({*listed, *(self.live or ())})) if in_doubt else listed
            self._say("")
        known = self.live or ()
        return known if self.instance in known else (*known, self.instance)

    async def leave(self) -> None:
        """Take the own key away: the others take over at their next look."""
        self._is_leaving = True
        subjects = [self._prefix + encode_token(self.instance)]
        if self._holds_lockstep:
            subjects.append(self._lockstep_subject)
        call = f"$JS.API.STREAM.PURGE.{MEMBERS_STREAM}"
        try:
            for subject in subjects:
                question = msgspec.json.encode({"filter": subject})
                await self._client.request(call, question, timeout=REQUEST_TIMEOUT_S)
        except NatsError as error:
            self._say(f"cannot leave, the key will expire: {error}")

    async def claim(self) -> str:
        """Be the one instance of a lockstep run; return its name, another's if it is another.

        Call it again before the key expires. A server without the bucket cannot tell: then it is
        this one, and the fence has the last word.
        """
        if self._is_leaving:
            return self.instance
        subject = self._lockstep_subject
        try:
            ack = await self._say_we_are_here(subject, {_EXPECTED: "0"})
            holder = await self._holder(subject) if ack.error else self.instance
            if ack.error and holder == self.instance:
                await self._say_we_are_here(subject, {})
        except (NatsError, msgspec.MsgspecError) as error:
            self._say(f"{type(error).__name__}: {error}")
            return self.instance
        self._holds_lockstep = holder == self.instance
        return holder or self.instance

    async def _say_we_are_here(self, subject: str, headers: dict[str, str]) -> _Ack:
        answer = await self._client.request(
            subject,
            self.instance.encode(),
            timeout=REQUEST_TIMEOUT_S,
            headers={**self._ttl, **headers},
        )
        return msgspec.json.decode(answer.data, type=_Ack)

    async def _holder(self, subject: str) -> str:
        question = msgspec.json.encode({"last_by_subj": subject})
        call = f"$JS.API.STREAM.MSG.GET.{MEMBERS_STREAM}"
        answer = await self._client.request(call, question, timeout=REQUEST_TIMEOUT_S)
        stored = msgspec.json.decode(answer.data, type=_MsgGet).message
        return b64decode(stored.data).decode() if stored is not None else ""

    async def _put(self) -> None:
        subject = self._prefix + encode_token(self.instance)
        _raise_if_refused(await self._say_we_are_here(subject, {}))

    async def _list(self) -> tuple[str, ...]:
        question = msgspec.json.encode({"subjects_filter": f"{self._prefix}>"})
        call = f"$JS.API.STREAM.INFO.{MEMBERS_STREAM}"
        answer = await self._client.request(call, question, timeout=REQUEST_TIMEOUT_S)
        info = msgspec.json.decode(answer.data, type=_Info)
        _raise_if_refused(info)
        found = sorted(info.state.subjects or ())[:MEMBERS_MAX]
        return tuple(decode_token(subject.removeprefix(self._prefix)) for subject in found)

    def _say(self, trouble: str) -> None:
        """Log a change for the worse or the better, once."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if trouble:
            keeps = "what is hosted here stays here"
            self._log.warning("members cannot be reached", error=trouble, so=keeps)
        else:
            self._log.info("members can be reached")


def _raise_if_refused(answer: _Ack | _Info) -> None:
    if answer.error is not None:
        raise UnavailableError(f"bucket {MEMBERS_BUCKET}: {answer.error.description}")
