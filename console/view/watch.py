"""Fills the picture of a running desk: the tape as it grows, the books, the services' health."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from nats.aio.client import Client
from sqlalchemy.ext.asyncio import AsyncEngine

from console.control import state_of
from console.desk import Desk
from console.services import is_standby
from console.view.picture import Picture, ServiceHealth, holdings_of
from services.ledger.queries import equity_curve, list_closed_days, list_positions
from shared.domain.errors import TapedeckError
from shared.domain.values import NS_PER_S, to_price
from shared.messages.codec import MessageError
from shared.messages.market import Bar, Clock, Trade
from shared.subjects import encode_token
from shared.tape.jetstream import JetStreamTape

POLL_S = 1.0
STORY_MESSAGES = 2_000  # how far back the story begins when a desk continues
MARKS_MAX = 50  # symbols whose newest price is asked for each second
NEXT_S = 0.5
_FORGETTING = 0.7  # of the rates, each second
_SPOKEN = ("strategy.*.signal.*", "risk.>", "execution.>", "control.>")
_LOUD = ("error", "critical", "warning")


class Watch:
    """Keeps a picture up to date until cancelled; run `follow_tape` and `poll` side by side."""

    def __init__(
        self, desk: Desk, client: Client, tape: JetStreamTape, engine: AsyncEngine, picture: Picture
    ) -> None:
        self._desk = desk
        self._client = client
        self._tape = tape
        self._engine = engine
        self.picture = picture
        self._feed = desk.plan.desk.data.feed
        self._polled_s = 0.0
        self._logs = [LogWatch(service.log_path) for service in desk.services.values()]

    async def follow_tape(self) -> None:
        """Take what is said about trading, in tape order."""
        end = (await self._tape.bounds()).last
        await self._recall_strategies()
        async with self._tape.reader(_SPOKEN, max(end - STORY_MESSAGES, 1)) as reader:
            while True:
                entry = await reader.next(NEXT_S)
                if entry is not None:
                    with suppress(MessageError):  # of a newer release: not for this view
                        self.picture.take(*entry.open())

    async def poll(self) -> None:
        """Ask once a second for what changes without being said."""
        while True:
            steps: tuple[Callable[[], object], ...] = (
                self._poll_tape, self._poll_books, self._poll_services,
            )  # fmt: skip
            for step in steps:
                try:
                    await step()  # type: ignore[misc]
                except TapedeckError as error:
                    self.picture.complain(str(error))
            for log in self._logs:
                for complaint in log.new_complaints():
                    self.picture.complain(complaint)
            self.picture.has_changed = True
            await asyncio.sleep(POLL_S)

    async def _recall_strategies(self) -> None:
        for name in self._desk.plan.desk.strategies:
            self.picture.strategies[name] = await state_of(self._tape, name)

    async def _poll_tape(self) -> None:
        picture = self.picture
        now_s = time.monotonic()
        passed_s, self._polled_s = now_s - self._polled_s, now_s
        end = (await self._tape.bounds()).last
        if picture.tape_end:
            picture.rate = _smooth(picture.rate, (end - picture.tape_end) / passed_s)
        picture.tape_end = end
        entry = await self._tape.last(f"data.{self._feed}.clock")
        clock = entry.open()[1] if entry is not None else None
        if isinstance(clock, Clock):
            if picture.clock is not None:
                played_s = (clock.ts_ns - picture.clock.ts_ns) / NS_PER_S
                picture.pace = _smooth(picture.pace, played_s / passed_s)
            picture.clock = clock

    async def _poll_books(self) -> None:
        book = self._desk.plan.desk.book
        positions = await list_positions(self._engine, book)
        marks: dict[str, Decimal] = {}
        for position in positions[:MARKS_MAX]:
            mark = await self._mark(position.symbol)
            if mark is not None:
                marks[position.symbol] = mark
        self.picture.holdings = holdings_of(positions, marks)
        points = await equity_curve(self._engine, book, 1)
        if points:
            self.picture.cash = points[-1].cash
            self.picture.booked_equity = points[-1].equity
        days = await list_closed_days(self._engine, book)
        if days:
            self.picture.day_opened_at = days[-1].equity

    async def _mark(self, symbol: str) -> Decimal | None:
        """Return the newest price of a symbol that the feed itself sent."""
        token = encode_token(symbol)
        found = [
            entry
            for pattern in (f"data.{self._feed}.trade.{token}", f"data.{self._feed}.bar.*.{token}")
            if (entry := await self._tape.last(pattern)) is not None
        ]
        if not found:
            return None
        _, message = max(found, key=lambda entry: entry.seq).open()
        if isinstance(message, Trade):
            return to_price(message.ticks[-1].price)
        return to_price(message.close) if isinstance(message, Bar) else None

    async def _poll_services(self) -> None:
        for name, service in self._desk.services.items():
            report = await service.health()
            if report is None:
                detail = "starting" if service.is_running else "ended"
                health = ServiceHealth(False, detail, 0, service.restarts)  # noqa: FBT003
            else:
                wrong = [
                    check.detail or key for key, check in report.checks.items() if not check.ok
                ]
                lag = max((place.lag for place in report.actors.values()), default=0)
                detail = "; ".join(wrong) or ("stands by" if is_standby(report) else "")
                health = ServiceHealth(report.ready, detail, lag, service.restarts)
            self.picture.services[name] = health


class LogWatch:
    """Finds what a service complains about, reading only what was added to its log."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def new_complaints(self) -> list[str]:
        """Return warnings and errors since the last call, each in one line."""
        try:
            size = self._path.stat().st_size
            if size == self._offset:
                return []
            with self._path.open("rb") as log:
                log.seek(self._offset if size > self._offset else 0)
                added = log.read()
        except OSError:
            return []  # rotated at this moment: the next call sees the new one
        whole = added.rpartition(b"\n")[0]
        self._offset = size - (len(added) - len(whole) - 1) if whole else self._offset
        return [text for line in whole.splitlines() if (text := _complaint(line))]


def _complaint(line: bytes) -> str:
    try:
        told = json.loads(line)
        if told["level"] not in _LOUD:
            return ""
        detail = told.get("error", "")
        return f"{told['service']}: {told['event']} {detail}".strip()
    except (ValueError, KeyError, TypeError):
        return ""  # not a line of ours


def _smooth(old: float, new: float) -> float:
    return new if not old else old * _FORGETTING + new * (1 - _FORGETTING)
