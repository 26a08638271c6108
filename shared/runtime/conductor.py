"""Lockstep: how a distributed run equals a backtest.

The feed publishes one time slice, then the conductor walks the tape. For each message in order,
and for each of its readers by rank, it waits until the reader has handled it; a reader with
outputs is granted its turn. So the order on the tape is (cause, rank, index): exactly that of
`drain`, in one process.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Self

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.domain.errors import UnavailableError
from shared.runtime.turns import (
    BIRTH,
    CALL,
    GRANT,
    HELLO,
    NOT_BORN,
    REPEAT_S,
    REPORT,
    Grant,
    Hello,
    Report,
)
from shared.subjects import LANES, matches
from shared.tape.entry import Entry
from shared.tape.interface import Reader, Tape

GATHER_S = 60.0  # services import, migrate, recover
TURN_S = 60.0  # a participant that is restarted has this long to come back
CALL_EVERY_S = 0.1
AHEAD_MAX = 2_000  # messages of a slice that one grant may cover


class Conductor:
    """Walks the tape with a fixed set of participants; use as an async context manager.

    `participants` are the lanes that must take part. The first `walk` starts at `start_seq`.
    """

    def __init__(
        self, client: Client, tape: Tape, participants: Iterable[str], start_seq: int
    ) -> None:
        self._client = client
        self._tape = tape
        self._expected = sorted(participants)
        self._hellos: dict[str, Hello] = {}
        self._reports: dict[str, Report] = {}
        self._order: list[Hello] = []
        self._readers: dict[str, tuple[str, ...]] = {}
        self._changed = asyncio.Event()
        self._position = start_seq - 1
        self._ahead: deque[Entry] = deque()  # read, not walked yet

    async def __aenter__(self) -> Self:
        async def on_hello(message: Msg) -> None:
            hello = msgspec.json.decode(message.data, type=Hello)
            if message.subject == f"{HELLO}.{hello.lane}":  # nobody speaks for another
                self._hellos[hello.lane] = hello
                self._changed.set()

        async def on_report(message: Msg) -> None:
            report = msgspec.json.decode(message.data, type=Report)
            if message.subject == f"{REPORT}.{report.lane}":
                self._reports[report.lane] = report
                self._changed.set()

        self._subscriptions = [
            await self._client.subscribe(f"{HELLO}.>", cb=on_hello),
            await self._client.subscribe(f"{REPORT}.>", cb=on_report),
        ]
        self._reader: Reader = self._tape.reader(LANES, self._position + 1)
        await self._reader.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._reader.__aexit__()
        if self._client.is_connected:
            for subscription in self._subscriptions:
                await subscription.unsubscribe()

    async def gather(self) -> None:
        """Wait until every participant is there, then let them be born in rank order."""
        deadline_s = self._now_s() + GATHER_S
        while missing := [lane for lane in self._expected if lane not in self._hellos]:
            self._changed.clear()
            if self._now_s() > deadline_s:
                raise UnavailableError(
                    f"lockstep: {', '.join(missing)} did not come within {GATHER_S:.0f} s"
                )
            await self._client.publish(CALL, b"")
            await self._wait_for_news(CALL_EVERY_S)
        self._order = sorted(
            (self._hellos[lane] for lane in self._expected), key=lambda h: (h.rank, h.lane)
        )
        for hello in self._order:
            await self._turn(hello.lane, BIRTH)

    async def walk(self, to_seq: int) -> None:
        """Walk until `to_seq`, and everything it caused, is handled by all who read it."""
        while self._position < max(to_seq, self._end()):
            await self._look_ahead()
            entry = self._ahead[0]
            for lane in self._readers_of(entry.subject):
                await self._turn(lane, entry.seq)
            self._ahead.popleft()
            self._position = entry.seq

    async def _look_ahead(self) -> None:
        """Take what is at hand of the tape, at least one message."""
        while not self._ahead or (not self._reader.is_idle and len(self._ahead) < AHEAD_MAX):
            entry = await self._reader.next(TURN_S)
            if entry is None:
                raise UnavailableError(
                    f"lockstep: the tape was not readable past {self._position} for {TURN_S:.0f} s"
                )
            self._ahead.append(entry)

    def _end(self) -> int:
        """The last sequence that anybody has published."""
        return max((report.head for report in self._reports.values()), default=0)

    def _readers_of(self, subject: str) -> tuple[str, ...]:
        readers = self._readers.get(subject)
        if readers is None:
            readers = tuple(
                hello.lane
                for hello in self._order
                if any(matches(pattern, subject) for pattern in hello.reads)
            )
            self._readers[subject] = readers
        return readers

    async def _turn(self, lane: str, seq: int) -> None:
        report = self._reports.get(lane)
        if report is not None and report.handled >= seq:
            return
        deadline_s = self._now_s() + TURN_S
        granted: Report | None = None
        while True:
            self._changed.clear()  # before looking, so that no news is missed while we publish
            report = self._reports.get(lane, Report(lane, NOT_BORN, 0))
            if report.handled >= seq:
                return
            # A hold for another sequence is an echo of an earlier turn: only this one is granted.
            if report.held == seq and report is not granted:
                granted = report
                grant = msgspec.json.encode(Grant(self._reach(lane, seq)))
                await self._client.publish(f"{GRANT}.{lane}", grant)
            if self._now_s() > deadline_s:
                raise UnavailableError(
                    f"lockstep: {lane} did not handle message {seq} within {TURN_S:.0f} s"
                )
            await self._wait_for_news(REPEAT_S)

    def _reach(self, lane: str, seq: int) -> int:
        """Return up to which cause a lane may publish and still come before nobody.

        As long as all others have handled a message without an answer, the lane's answers stand
        next to each other anyway: one turn then serves for all of them.
        """
        reach = seq
        for entry in self._ahead:
            readers = self._readers_of(entry.subject)
            place = readers.index(lane) if lane in readers else len(readers)
            if entry.seq > seq:
                if not self._have_passed(readers[:place], entry.seq):
                    return reach
                reach = entry.seq
            if not self._have_passed(readers[place + 1 :], entry.seq):
                return reach
        return reach

    def _have_passed(self, lanes: Sequence[str], seq: int) -> bool:
        return all(lane in self._reports and self._reports[lane].handled >= seq for lane in lanes)

    async def _wait_for_news(self, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            await self._client.publish(CALL, b"")  # whoever is there repeats its last report

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
