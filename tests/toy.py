"""A desk in miniature: cores whose every output depends on everything they have seen.

A message lost, repeated or reordered anywhere changes a running checksum, and with it every
output after. That makes them the sharpest probes of the tape and the runtime.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import override
from zlib import crc32

import msgspec

from shared.core import Stamp
from shared.domain.values import Intent, OrderType, Side, Timeframe, TimeInForce
from shared.messages.base import Message
from shared.messages.control import Activate
from shared.messages.decisions import Approved
from shared.messages.market import Bar, Clock
from shared.messages.orders import Filled, Submitting
from shared.messages.signals import Signal, Suppressed
from shared.runtime.actor import Actor, Rank
from shared.runtime.source import TimeSlice
from shared.subjects import Lane, lane, reading

FEED = lane("data", "file")
MINUTE_NS = 60_000_000_000


class Toy:
    """Folds whatever it handles into `acc`."""

    lane: Lane
    reads: tuple[str, ...]

    def __init__(self) -> None:
        self.acc = 0
        self.handled = 0

    def handle(self, stamp: Stamp, message: Message) -> tuple[Message, ...]:
        self.handled += 1
        text = f"{self.acc} {stamp.seq} {stamp.id} {stamp.ts_ns} {message}"
        self.acc = crc32(text.encode())
        return self.answer(message)

    def answer(self, message: Message) -> tuple[Message, ...]:
        raise NotImplementedError

    def snapshot(self) -> bytes:
        return msgspec.json.encode([self.acc, self.handled])

    def restore(self, state: bytes) -> None:
        self.acc, self.handled = msgspec.json.decode(state)


class ToyStrategy(Toy):
    """Speaks on a bar in `every`; every fifth time it says three things at once."""

    def __init__(self, name: str, every: int) -> None:
        super().__init__()
        self.lane = lane("strategy", name)
        self.every = every
        self.is_active = False
        self.reads = (
            reading("data", "*", "bar", ">"),
            reading("execution", "main", "filled", ">"),
            reading("control", "*", "activate", name),
        )

    @override
    def answer(self, message: Message) -> tuple[Message, ...]:
        if isinstance(message, Activate):
            self.is_active = True
        if not isinstance(message, Bar) or self.handled % self.every or not self.is_active:
            return ()
        signal = Signal(
            strategy_id=self.lane.actor,
            symbol=message.symbol,
            side=Side.BUY,
            intent=Intent.OPEN,
            price=message.close,
            valid_until_ns=0,
            reason=str(self.acc),
        )
        aside = Suppressed(
            strategy_id=self.lane.actor, symbol=message.symbol, code="toy", detail=str(self.acc)
        )
        return (aside, signal, aside) if self.acc % 5 == 0 else (signal,)


def approval(number: int) -> Approved:
    """An approval that only its number tells from others."""
    return Approved(
        signal_id=str(number),
        strategy_id="one",
        symbol="AAA",
        side=Side.BUY,
        intent=Intent.OPEN,
        quantity=Decimal(number % 100),
        order_type=OrderType.MARKET,
        limit_price=None,
        time_in_force=TimeInForce.DAY,
        valid_until_ns=0,
    )


class ToyRisk(Toy):
    """Approves everything, in its own words."""

    lane = lane("risk", "main")
    reads: tuple[str, ...] = (
        reading("data", "*", "bar", ">"),
        reading("strategy", "*", "signal", ">"),
        reading("execution", "main", "filled", ">"),
    )

    @override
    def answer(self, message: Message) -> tuple[Message, ...]:
        if not isinstance(message, Signal):
            return ()
        said = approval(self.acc)
        return (
            msgspec.structs.replace(
                said,
                strategy_id=message.strategy_id,
                symbol=message.symbol,
                side=message.side,
                intent=message.intent,
            ),
        )


class ToyExecution(Toy):
    """Submits what is approved; says that it filled on the next bar of the symbol."""

    lane = lane("execution", "main")
    reads: tuple[str, ...] = (
        reading("data", "*", "bar", ">"),
        reading("risk", "main", "approved", ">"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.open: dict[str, list[Submitting]] = {}

    @override
    def answer(self, message: Message) -> tuple[Message, ...]:
        if isinstance(message, Approved):
            order = Submitting(
                order_id=str(self.acc),
                client_order_id=f"toy-{self.acc}",
                signal_id=message.signal_id,
                strategy_id=message.strategy_id,
                symbol=message.symbol,
                side=message.side,
                intent=message.intent,
                quantity=message.quantity,
                order_type=message.order_type,
                limit_price=None,
                time_in_force=message.time_in_force,
                valid_until_ns=0,
            )
            self.open.setdefault(message.symbol, []).append(order)
            return (order,)
        if isinstance(message, Bar):
            filled = self.open.pop(message.symbol, [])
            return tuple(self._fill(order, message.open) for order in filled)
        return ()

    def _fill(self, order: Submitting, price: float) -> Filled:
        return Filled(
            order_id=order.order_id,
            client_order_id=order.client_order_id,
            signal_id=order.signal_id,
            strategy_id=order.strategy_id,
            symbol=order.symbol,
            side=order.side,
            execution_id=f"{order.order_id}-{self.acc}",
            intent=order.intent,
            quantity=order.quantity,
            price=Decimal(str(price)),
            commission=Decimal(1),
            cumulative_quantity=order.quantity,
            order_quantity=order.quantity,
            is_complete=True,
        )

    @override
    def snapshot(self) -> bytes:
        return msgspec.json.encode([self.acc, self.handled, self.open])

    @override
    def restore(self, state: bytes) -> None:
        kind = tuple[int, int, dict[str, list[Submitting]]]
        self.acc, self.handled, self.open = msgspec.json.decode(state, type=kind)


def actor(core: Toy, rank: Rank) -> Actor:
    """Host a toy; the active strategies open with their own activation."""
    is_strategy = rank is Rank.STRATEGY
    return Actor(
        core=core,
        rank=rank,
        configuration={"toy": str(core.lane)},
        packages=["shared.core"],
        answers_history=not is_strategy,
        opening=[Activate(strategy_id=core.lane.actor)] if is_strategy else [],
    )


def desk() -> list[Actor]:
    """Risk, execution and two strategies that answer the same bars."""
    return [
        actor(ToyStrategy("one", 2), Rank.STRATEGY),
        actor(ToyStrategy("two", 3), Rank.STRATEGY),
        actor(ToyRisk(), Rank.RISK),
        actor(ToyExecution(), Rank.EXECUTION),
    ]


def slices(count: int, symbols: tuple[str, ...] = ("AAA", "BBB", "CCC")) -> list[TimeSlice]:
    """Minutes of bars whose prices depend on place and symbol."""
    made = []
    for minute in range(1, count + 1):
        end_ns = minute * MINUTE_NS
        bars = tuple(
            Bar(
                symbol=symbol,
                timeframe=Timeframe.M1,
                start_ns=end_ns - MINUTE_NS,
                open=100.0 + minute % 7,
                high=110.0,
                low=90.0,
                close=100.0 + minute % 5 + place,
                volume=1_000.0,
            )
            for place, symbol in enumerate(symbols)
        )
        made.append(TimeSlice(end_ns, (*bars, Clock(ts_ns=end_ns))))
    return made


class ListSource:
    """Slices from a list."""

    def __init__(self, parts: list[TimeSlice]) -> None:
        self._parts = parts
        self.total = sum(len(part.messages) - 1 for part in parts)

    def slices(self, after_ns: int) -> Iterator[TimeSlice]:
        return (part for part in self._parts if part.ts_ns > after_ns)
