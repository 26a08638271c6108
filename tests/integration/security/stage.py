"""A desk's server with honest traffic on it, a thief who tries a road, and what came of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple

from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.permissions import ADMIN, SNAPSHOT_STREAM, TAPE_STREAM, USERS, permissions
from shared.runtime.snapshot_store import init_snapshots
from shared.subjects import matches
from shared.tape.jetstream import init_tape
from tests.servers import NatsUnderTest

TAPE_ID = "00112233445566ff"
CAUSED = {"Tape-Cause": "1"}
SETTLE_S = 0.1  # a consumer that pushes does so within a millisecond
TIMEOUT_S = 5.0
OWN = {
    "data": "data.file.clock",
    "strategy": "strategy.ema.signal.SPY",
    "risk": "risk.main.approved.SPY",
    "execution": "execution.main.submitting.SPY",
    "ledger": "ledger.main.closed_day",
    "console": "control.console.kill",
    "gateway": "control.gateway.kill",
}
"""A subject that each user may write: where honest traffic stands, and a thief's payload."""


class Say(NamedTuple):
    """One publish."""

    subject: str
    payload: object = b"forged"
    reply: str = ""
    headers: Mapping[str, str] = {}

    @property
    def data(self) -> bytes:
        return (
            self.payload if isinstance(self.payload, bytes) else json.dumps(self.payload).encode()
        )


class Road(NamedTuple):
    """A way to have the desk believe what nobody said who may. All is said in this order.

    `target` is the subject that it aims at: whoever may write there anyway needs no such road.
    """

    name: str
    says: Sequence[Say]
    target: str = ""

    def is_a_right_of(self, user: str) -> bool:
        rights = permissions(user, "main").publish
        return bool(self.target) and any(matches(right, self.target) for right in rights)


class Evidence(NamedTuple):
    """What the streams hold beside the thief's own, and how they are configured."""

    streams: list[Any]
    counts: dict[str, int]


class Stage:
    """`heard` is what reached other zones; `refusals` what the server told the thief."""

    def __init__(self, thief: str, admin: Client, client: Client) -> None:
        self.thief = thief
        self.admin = admin
        self.client = client
        self.heard: list[str] = []
        self.refusals: list[str] = []

    async def walk(self, roads: Sequence[Road]) -> str:
        """Say it all, let the server act on it, and return what it changed or who heard it."""
        before = await self.evidence()
        for say in (say for road in roads for say in road.says):
            headers = dict(say.headers) or None
            await self.client.publish(say.subject, say.data, reply=say.reply, headers=headers)
        await self.client.flush()
        await asyncio.sleep(SETTLE_S)
        after = await self.evidence()
        heard, self.heard[:] = list(self.heard), []
        if heard:
            return ", ".join(dict.fromkeys(heard))
        return "" if after == before else f"{before} became {after}"

    async def evidence(self) -> Evidence:
        mine = permissions(self.thief, "main").publish
        streams: list[Any] = []
        counts: dict[str, int] = {}
        for stream in (TAPE_STREAM, SNAPSHOT_STREAM):
            question = json.dumps({"subjects_filter": ">"}).encode()
            reply = await self.admin.request(
                f"$JS.API.STREAM.INFO.{stream}", question, timeout=TIMEOUT_S
            )
            told = json.loads(reply.data)
            streams.append((told["config"], told["state"]["first_seq"]))
            counts |= {
                subject: count
                for subject, count in told["state"].get("subjects", {}).items()
                if not any(matches(allowed, subject) for allowed in mine)
            }
        return Evidence(streams, counts)


@asynccontextmanager
async def stage(server: NatsUnderTest, thief: str) -> AsyncIterator[Stage]:
    """Set the stage: everybody has said one thing, and everybody else listens."""
    async with AsyncExitStack() as stack:

        async def enter(user: str, **said: Any) -> Client:
            client = await server.connect(user, **said)
            stack.push_async_callback(client.close)
            return client

        admin = await enter(ADMIN)
        await init_tape(admin, TAPE_ID)
        await init_snapshots(admin)
        for subject in OWN.values():
            await admin.request(subject, b"honest", timeout=TIMEOUT_S, headers=CAUSED)
        await admin.request("snapshot.risk.main", b"honest", timeout=TIMEOUT_S)
        refusals: list[str] = []
        made = Stage(thief, admin, await enter(thief, say=refusals.append))
        made.refusals = refusals
        for user in USERS:
            if user not in (thief, ADMIN):
                listener = await enter(user)
                for subject in permissions(user, "main").subscribe:
                    await listener.subscribe(subject, cb=_ear(made.heard, user))
                await listener.flush()
        yield made


def _ear(heard: list[str], user: str) -> Any:
    async def hear(message: Msg) -> None:
        heard.append(f"{user} heard {message.subject}")

    return hear
