"""A broker far away: keeps what arrives, fills when it likes, and its answers get lost."""

import asyncio
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from random import Random

from msgspec import Struct, field

from shared.domain.values import ZERO
from shared.runtime.venue import (
    Execution,
    NoAnswerError,
    OrderStatement,
    RepeatedIdError,
    VenueEvent,
    VenueOrder,
    VenueRefusedError,
    VenueSnapshot,
)
from tests.simulation.link import Life
from tests.simulation.weather import Weather

TIMEOUT_S = 0.2
CASH = Decimal(1_000_000)


class Held(Struct):
    """One order at the broker. `arrived_s` has one moment for each time that it was taken."""

    order: VenueOrder
    arrived_s: list[float]
    filled: Decimal = ZERO
    ended: str = ""

    def statement(self) -> OrderStatement:
        return OrderStatement(
            client_order_id=self.order.client_order_id,
            broker_order_id=f"far-{self.order.client_order_id[-8:]}",
            symbol=self.order.symbol,
            filled=self.filled,
            ended=self.ended,
        )


class Exchange(Struct):
    """The broker's own books. `rejects` False: a repeated id makes a second order."""

    draw: Random
    rejects: bool
    orders: dict[str, Held] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    listeners: list[Callable[[VenueEvent], None]] = field(default_factory=list)
    cash: Decimal = CASH
    positions: dict[str, Decimal] = field(default_factory=dict)

    def take(self, order: VenueOrder, now_s: float) -> OrderStatement:
        """Take an order, or say why not."""
        held = self.orders.get(order.client_order_id)
        if held is not None and self.rejects:
            raise RepeatedIdError(order.client_order_id)
        if held is not None:
            held.arrived_s.append(now_s)
            return held.statement()
        if self.draw.random() < 0.05:
            raise VenueRefusedError("not_today", "the broker does not feel like it")
        held = self.orders[order.client_order_id] = Held(order=order, arrived_s=[now_s])
        loop = asyncio.get_running_loop()
        for _ in range(self.draw.choice((0, 1, 1, 2, 3))):
            loop.call_later(self.draw.uniform(0.0, 0.6), self._fill, held)
        return held.statement()

    def _fill(self, held: Held) -> None:
        left = held.order.quantity - held.filled
        if held.ended or not left:
            return
        part = left if self.draw.random() < 0.5 else min(left, Decimal(self.draw.randint(1, 3)))
        price = held.order.limit_price or Decimal(self.draw.randint(2_000, 9_000)) / 100
        execution = Execution(
            client_order_id=held.order.client_order_id,
            symbol=held.order.symbol,
            execution_id=f"x{len(self.executions)}",
            quantity=part,
            price=price,
            commission=Decimal("0.35"),
        )
        signed = held.order.side.sign * part
        self.executions.append(execution)
        self.cash -= signed * price + execution.commission
        symbol = held.order.symbol
        self.positions[symbol] = self.positions.get(symbol, ZERO) + signed
        held.filled += part
        if held.filled == held.order.quantity:
            held.ended = "filled"
        self._say(execution)
        self._say(held.statement())

    def end(self, identity: str) -> None:
        """Cancel an order that works; brokers also forget to."""
        held = self.orders.get(identity)
        if held is not None and not held.ended and self.draw.random() < 0.9:
            held.ended = "cancelled"
            self._say(held.statement())

    def _say(self, event: VenueEvent) -> None:
        for listener in list(self.listeners):
            listener(event)

    def snapshot(self) -> VenueSnapshot:
        """Return everything as it is now."""
        return VenueSnapshot(
            cash=self.cash,
            currency="USD",
            positions={symbol: held for symbol, held in self.positions.items() if held},
            orders=tuple(held.statement() for held in self.orders.values()),
            executions=tuple(self.executions),
        )


class SimVenue:
    """One process's way to the broker; implements `Venue`."""

    timeout_s = TIMEOUT_S

    def __init__(
        self, exchange: Exchange, life: Life, weather: Weather, note: Callable[[str], None]
    ) -> None:
        self._note = note
        self._exchange = exchange
        self._life = life
        self._weather = weather
        self.rejects_repeated_ids = exchange.rejects

    async def submit(self, order: VenueOrder) -> OrderStatement:
        # No waiting first: what the gate has just looked at and this call are one step.
        self._note(order.client_order_id)
        return await self._call(f"POST {order.symbol}", lambda now_s: self._take(order, now_s))

    def _take(self, order: VenueOrder, now_s: float) -> OrderStatement:
        return self._exchange.take(order, now_s)

    async def cancel(self, client_order_id: str) -> None:
        await self._call("cancel", lambda _: self._exchange.end(client_order_id))

    async def find(self, client_order_id: str) -> OrderStatement | None:
        held = await self._call("find", lambda _: self._exchange.orders.get(client_order_id))
        return held.statement() if held is not None else None

    async def snapshot(self) -> VenueSnapshot:
        return await self._call("snapshot", lambda _: self._exchange.snapshot())

    async def events(self) -> AsyncIterator[VenueEvent]:
        queue: asyncio.Queue[VenueEvent] = asyncio.Queue()
        loop, draw = asyncio.get_running_loop(), self._weather.draw

        def hear(event: VenueEvent) -> None:
            for _ in range(draw.choice((0, 1, 1, 1, 2))):
                loop.call_later(draw.uniform(0.0, 0.3), queue.put_nowait, event)

        self._exchange.listeners.append(hear)
        try:
            while True:
                event = await queue.get()
                await self._life.breathe()
                if self._weather.happens(0.05):
                    raise NoAnswerError("the stream is lost")
                yield event
        finally:
            self._exchange.listeners.remove(hear)

    async def _call[T](self, what: str, act: Callable[[float], T]) -> T:
        """One request: it arrives within the timeout, or never."""
        loop, weather = asyncio.get_running_loop(), self._weather
        kind = "fair"
        if weather.happens(0.3 if what.startswith("POST") else 0.1):
            kind = weather.draw.choice(
                ("request lost", "answer lost", "slow", "crash before", "crash after")
            )
            weather.tell(loop.time(), f"{self._life.name}: {what}: {kind}")
            weather.counts[f"broker: {kind}"] += 1
        if kind == "crash before":
            self._life.crash()
            await self._life.breathe()
        call = _Call(act, kind, self._life)
        if kind != "request lost":
            slow_s = TIMEOUT_S * weather.draw.uniform(0.5, 0.99)
            loop.call_later(slow_s if kind == "slow" else weather.hop(), call.arrive)
        if kind != "fair":
            loop.call_later(TIMEOUT_S, call.refuse, NoAnswerError(f"{what}: time-out"))
        answer = await call.said
        await self._life.breathe()
        return answer


class _Call[T]:
    """One request on its way to the broker."""

    def __init__(self, act: Callable[[float], T], kind: str, life: Life) -> None:
        self._act = act
        self._kind = kind
        self._life = life
        self._loop = asyncio.get_running_loop()
        self.said: asyncio.Future[T] = self._loop.create_future()

    def arrive(self) -> None:
        """Let the broker act; its answer comes back only from a fair call."""
        try:
            answer = self._act(self._loop.time())
        except (VenueRefusedError, RepeatedIdError) as error:
            if self._kind == "fair":
                self.refuse(error)
            return
        if self._kind == "crash after":
            self._life.crash()
        elif self._kind == "fair" and not self.said.done():
            self.said.set_result(answer)

    def refuse(self, error: Exception) -> None:
        """Let the call fail."""
        if not self.said.done():
            self.said.set_exception(error)
