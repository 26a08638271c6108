"""Who may publish when: at once (live), or in the conductor's order (lockstep).

In lockstep an actor with outputs holds them until its turn. What it reports is cumulative, sent
before it waits and repeated while it is idle, and a grant is idempotent, so a lost or repeated
message between the two changes nothing.
"""

import asyncio
import sys
from collections.abc import Sequence
from typing import Protocol, Self

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.domain.errors import TapedeckError
from shared.runtime.actor import Rank
from shared.subjects import Lane

CALL = "lockstep.call"
HELLO = "lockstep.hello"
REPORT = "lockstep.report"
GRANT = "lockstep.grant"
REPEAT_S = 0.25
NOT_BORN = -1
BIRTH = 0  # the turn in which a birth certificate is written, before the first message


class Hello(Struct, frozen=True):
    """A participant introduces itself: what it reads and where it ranks."""

    lane: str
    rank: int
    reads: tuple[str, ...]


class Report(Struct, frozen=True):
    """How far a participant is. `held` is the cause whose outputs it holds back, if any.

    `head` is the end of its lane: whatever it published stands at or below.
    """

    lane: str
    handled: int
    head: int
    held: int | None = None


class Grant(Struct, frozen=True):
    """The permission to publish what causes up to this one made."""

    cause: int


class TurnsOverError(TapedeckError):
    """The actor was told to stop while it held outputs back; its next start holds them again."""


class Turns(Protocol):
    """What the runner asks before it publishes, and tells when it is idle."""

    @property
    def is_exclusive(self) -> bool:
        """True when nobody else publishes during a turn."""
        ...

    @property
    def granted(self) -> int:
        """The newest cause whose outputs may be published."""
        ...

    async def wait_for(self, cause: int, head: int) -> None:
        """Return when the outputs of `cause` may be published; TurnsOverError after `leave`."""
        ...

    async def go(self) -> None:
        """Return when something may leave at all, at the last moment before each attempt."""
        ...

    def leave(self) -> None:
        """Wait no longer for turns."""
        ...

    async def report(self, handled: int, head: int) -> None:
        """Say that everything up to `handled` is handled and answered."""
        ...


class AtOnce:
    """Live and paced runs: nobody waits; the tape records the order that really happened."""

    is_exclusive = False
    granted = sys.maxsize

    async def wait_for(self, cause: int, head: int) -> None:
        """Return at once."""

    async def go(self) -> None:
        """Return at once."""

    async def report(self, handled: int, head: int) -> None:
        """Tell nobody."""

    def leave(self) -> None:
        """Nothing to leave."""


class InTurn:
    """A participant of a lockstep run; use as an async context manager."""

    is_exclusive = True

    def __init__(self, client: Client, lane: Lane, rank: Rank, reads: Sequence[str]) -> None:
        self._client = client
        self._lane = str(lane)
        self._hello = msgspec.json.encode(Hello(self._lane, rank, tuple(reads)))
        self.granted = NOT_BORN
        self._told: Report | None = None
        self._told_s = 0.0
        self._wake = asyncio.Event()
        self._left = False

    def leave(self) -> None:
        """Wait no longer for turns."""
        self._left = True
        self._wake.set()

    async def __aenter__(self) -> Self:
        async def on_call(_: Msg) -> None:
            await self._client.publish(f"{HELLO}.{self._lane}", self._hello)
            if self._told is not None:
                await self._tell(self._told)

        async def on_grant(message: Msg) -> None:
            grant = msgspec.json.decode(message.data, type=Grant)
            self.granted = max(self.granted, grant.cause)
            self._wake.set()

        self._subscriptions = [
            await self._client.subscribe(CALL, cb=on_call),
            await self._client.subscribe(f"{GRANT}.{self._lane}", cb=on_grant),
        ]
        await self._client.publish(f"{HELLO}.{self._lane}", self._hello)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client.is_connected:
            for subscription in self._subscriptions:
                await subscription.unsubscribe()

    async def wait_for(self, cause: int, head: int) -> None:
        """Hold until the conductor grants this cause."""
        report = Report(self._lane, cause - 1, head, cause)
        while self.granted < cause:
            if self._left:
                raise TurnsOverError(f"{self._lane} holds what {cause} caused")
            self._wake.clear()  # before telling: the grant may come while we do
            await self._tell(report)
            try:
                async with asyncio.timeout(REPEAT_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def go(self) -> None:
        """Return at once: a turn that was granted is not taken back."""

    async def report(self, handled: int, head: int) -> None:
        """Report progress; the same report again only after a while."""
        report = Report(self._lane, handled, head)
        now_s = asyncio.get_running_loop().time()
        if report != self._told or now_s - self._told_s >= REPEAT_S:
            await self._tell(report)

    async def _tell(self, report: Report) -> None:
        self._told = report
        self._told_s = asyncio.get_running_loop().time()
        await self._client.publish(f"{REPORT}.{self._lane}", msgspec.json.encode(report))
