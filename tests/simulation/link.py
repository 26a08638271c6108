"""One process's connection to the tape: the real interface, over a network that loses things.

A request is on its way, is acted on, and its answer is on its way back. Each of the three may
fail by itself: what the sender is told says little about what the server has done, and a sender
that dies does not take back what it has sent.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, Self, override

from shared.domain.errors import TapedeckError, UnavailableError
from shared.subjects import Lane, matches
from shared.tape.entry import Entry, Outgoing
from shared.tape.interface import PAYLOAD_BYTES_MAX, Bounds, NoVerdictError, PayloadTooLargeError
from tests.simulation.log import Log, Wakeable
from tests.simulation.weather import Fate, Weather

TIMEOUT_S = 0.2  # of a request; the real client's is seconds, and nothing rests on its length
AWAY_S = 0.01  # how long it takes to see that nobody listens


class Life(Protocol):
    """What a connection must know of the process it belongs to."""

    name: str

    @property
    def is_frozen(self) -> bool: ...

    async def breathe(self) -> None:
        """Return at once; only when thawed, if frozen; never, if dead."""
        ...

    def crash(self) -> None:
        """Die at the next await."""
        ...


class Link:
    """Implements `shared.tape.interface.Tape`."""

    def __init__(self, log: Log, life: Life, weather: Weather) -> None:
        self.id = log.id
        self.log = log
        self.life = life
        self.weather = weather

    async def bounds(self) -> Bounds:
        return await self._ask(lambda: Bounds(1, self.log.last_seq))

    async def get(self, seq: int) -> Entry | None:
        entries = self.log.entries
        return await self._ask(lambda: entries[seq - 1] if 1 <= seq <= len(entries) else None)

    async def last(self, pattern: str) -> Entry | None:
        return await self._ask(lambda: self.log.last(pattern))

    async def append(self, out: Outgoing, *, lane: Lane, fence: int) -> int:
        return await self._write([out], lane, fence)

    async def append_batch(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        return await self._write(outs, lane, fence)

    async def append_run(self, outs: Sequence[Outgoing], *, lane: Lane, fence: int) -> int:
        for out in outs:
            fence = await self._write([out], lane, fence)
        return fence

    async def tell(self, out: Outgoing, *, once_id: str) -> int:
        self._measure(out)
        now_s = asyncio.get_running_loop().time
        return await self._send(
            lambda: self.log.tell(out, once_id, now_s()), NoVerdictError, out.subject
        )

    def reader(self, patterns: Sequence[str], start_seq: int) -> "SimReader":
        return SimReader(self, patterns, start_seq)

    async def _write(self, outs: Sequence[Outgoing], lane: Lane, fence: int) -> int:
        for out in outs:
            self._measure(out)
        now_s = asyncio.get_running_loop().time
        what = f"{outs[0].subject} ({outs[0].cause}/{outs[0].index})"
        return await self._send(
            lambda: self.log.append(outs, lane, fence, now_s()), NoVerdictError, what
        )

    @staticmethod
    def _measure(out: Outgoing) -> None:
        if len(out.payload) > PAYLOAD_BYTES_MAX:
            raise PayloadTooLargeError(out.subject, len(out.payload))

    async def _ask[T](self, act: Callable[[], T]) -> T:
        return await self._send(act, UnavailableError, "a question")

    async def _send[T](self, act: Callable[[], T], doubt: type[TapedeckError], what: str) -> T:
        await self.life.breathe()
        if not self.log.is_up:
            await asyncio.sleep(AWAY_S)
            await self.life.breathe()
            raise UnavailableError("nobody listens")
        loop, fate = asyncio.get_running_loop(), self.weather.fate()
        if fate is not Fate.FAIR:
            self.weather.tell(loop.time(), f"{self.life.name}: {fate}: {what}")
        if fate is Fate.CRASH_BEFORE:
            self.life.crash()
            await self.life.breathe()
        request = Request(self, act, fate, doubt)
        answer = await request.answered
        await self.life.breathe()
        return answer


class Request[T]:
    """One request on its way, and what comes of it."""

    def __init__(
        self, link: Link, act: Callable[[], T], fate: Fate, doubt: type[TapedeckError]
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._link = link
        self._act = act
        self._fate = fate
        self._doubt = doubt
        self._life = link.log.life
        self.answered: asyncio.Future[T] = self._loop.create_future()
        hop_s = link.weather.hop()
        if fate is Fate.LATE:
            self._loop.call_later(TIMEOUT_S, self._give_up)
            hop_s += TIMEOUT_S * link.weather.draw.uniform(0.9, 3.0)
        if fate is Fate.LOST_REQUEST:
            self._loop.call_later(TIMEOUT_S, self._give_up)
        else:
            self._loop.call_later(hop_s, self._arrive)

    def _arrive(self) -> None:
        log = self._link.log
        if not log.is_up or log.life != self._life:
            self._loop.call_later(TIMEOUT_S, self._give_up)
            return
        said = self._done()
        if self._fate is Fate.TWICE:
            said = self._done()  # the sender hears of the second time only
        if self._fate is Fate.CRASH_AFTER:
            self._link.life.crash()
        elif self._fate is Fate.LOST_ACK:
            self._loop.call_later(TIMEOUT_S, self._give_up)
        else:
            self._loop.call_later(self._link.weather.hop(), self._answer, said)

    def _done(self) -> T | TapedeckError:
        try:
            return self._act()
        except TapedeckError as error:
            return error

    def _answer(self, said: T | TapedeckError) -> None:
        if self.answered.done():
            return
        if isinstance(said, TapedeckError):
            self.answered.set_exception(said)
        else:
            self.answered.set_result(said)

    def _give_up(self) -> None:
        if not self.answered.done():
            self.answered.set_exception(self._doubt("no answer in time"))


class SimReader(Wakeable):
    """Implements `shared.tape.interface.Reader`: gapless, and as late as it likes."""

    def __init__(self, link: Link, patterns: Sequence[str], start_seq: int) -> None:
        self._link = link
        self._log = link.log
        self._patterns = tuple(patterns)
        self._covers: dict[str, bool] = {}
        self._next_seq = max(start_seq, 1)
        self._interrupted = False
        self._resumes_s = 0.0
        self._lag_s = link.weather.lag_s * link.weather.draw.random()
        self._dozing: asyncio.Future[None] | None = None
        self.recreations = 0

    @override
    def wants(self, subject: str) -> bool:
        wanted = self._covers.get(subject)
        if wanted is None:
            wanted = any(matches(pattern, subject) for pattern in self._patterns)
            self._covers[subject] = wanted
        return wanted

    @property
    def is_idle(self) -> bool:
        entry = self._peek()
        return entry is None or self._arrival_s(entry) > asyncio.get_running_loop().time()

    def interrupt(self) -> None:
        self._interrupted = True
        if self._dozing is not None and not self._dozing.done():
            self._dozing.set_result(None)

    async def next(self, timeout_s: float) -> Entry | None:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        self._stumble(loop.time())
        while not self._interrupted:
            if self._link.life.is_frozen:
                await self._link.life.breathe()
            entry = self._peek()
            now_s = loop.time()
            arrival_s = self._arrival_s(entry) if entry is not None else deadline_s
            if entry is not None and arrival_s <= now_s:
                self._next_seq = entry.seq + 1
                return entry
            if now_s >= deadline_s:
                return None
            await self._doze(min(arrival_s, deadline_s) - now_s, until_growth=entry is None)
        return None

    def _stumble(self, now_s: float) -> None:
        """Lose the way now and then: a gap, a silence, a reconnect; it is made anew."""
        weather = self._link.weather
        if weather.happens(weather.gap_odds):
            self.recreations += 1
            weather.counts["reader made anew"] += 1
            self._resumes_s = now_s + weather.draw.choice((0.01, 0.1, 0.6))
            self._lag_s = weather.lag_s * weather.draw.random()

    def _peek(self) -> Entry | None:
        entries, place = self._log.entries, self._next_seq - 1
        while place < len(entries):
            if self.wants(entries[place].subject):
                self._next_seq = place + 1
                return entries[place]
            place += 1
        self._next_seq = max(place + 1, self._next_seq)
        return None

    def _arrival_s(self, entry: Entry) -> float:
        if not self._log.is_up:
            return float("inf")
        return max(self._log.taken_s[entry.seq - 1] + self._lag_s, self._resumes_s)

    async def _doze(self, seconds: float, *, until_growth: bool) -> None:
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        self._dozing = woken
        timer = loop.call_later(min(seconds, 1e6), _wake, woken)
        if until_growth:
            self._log.waiting[id(self)] = (self, woken)
        try:
            await woken
        finally:
            timer.cancel()
            self._log.waiting.pop(id(self), None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)
