"""Conversations with execution and the paper broker, alone or with each other."""

from collections.abc import Callable
from decimal import Decimal

from services.execution.config import PaperSettings
from services.execution.core import ExecutionCore
from services.execution.paper.core import PaperBroker
from shared.core import Core, Stamp
from shared.domain.values import Intent, OrderType, Side, Timeframe, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import BrokerSnapshot, Refused, Report
from shared.messages.decisions import Approved
from shared.messages.market import Bar, Clock, Quote, QuoteTick
from shared.messages.orders import Cancelling, Submitting
from shared.subjects import Lane, matches, subject_of
from shared.tape.entry import answers

TAPE_ID = "0123456789abcdef"
OPEN_NS = 1_767_623_400_000_000_000  # 2026-01-05, 09:30 in New York
MINUTE_NS = 60_000_000_000

FILE = Lane("data", "file")
RISK = Lane("risk", "main")
BROKER = Lane("broker", "main")
EXECUTION = Lane("execution", "main")
OPERATOR = Lane("control", "ada")


class Talk[C: Core]:
    """Speaks to one core and keeps what was said."""

    def __init__(self, core: C) -> None:
        self.core = core
        self.seq = 0
        self.now_ns = OPEN_NS
        self.heard: list[tuple[Stamp, Message]] = []
        self.answers: list[tuple[Message, ...]] = []

    def say(
        self, lane: Lane, message: Message, identity: str = "", recorded_ns: int = 0
    ) -> list[Message]:
        self.seq += 1
        name = identity or f"m{self.seq}"
        stamp = Stamp(self.seq, self.now_ns, lane, name, name, recorded_ns)
        answer = self.core.handle(stamp, message)
        self.heard.append((stamp, message))
        self.answers.append(answer)
        return list(answer)

    def clock(self, session: str = "2026-01-05", *, is_open: bool = True) -> list[Message]:
        return self.say(FILE, Clock(ts_ns=self.now_ns, session=session, is_open=is_open))

    def goes_on_after_restore(self, make: Callable[[], C], at: int) -> None:
        """Check that a core restored after `at` messages says what the first one said."""
        first, successor = make(), make()
        for stamp, message in self.heard[:at]:
            first.handle(stamp, message)
        successor.restore(first.snapshot())
        assert successor.snapshot() == first.snapshot()
        for (stamp, message), answer in zip(self.heard[at:], self.answers[at:], strict=True):
            assert successor.handle(stamp, message) == answer
        assert successor.snapshot() == self.core.snapshot()


class BrokerTalk(Talk[PaperBroker]):
    """Speaks to a paper broker whose session is open and who has stated its account."""

    def __init__(self, settings: PaperSettings | None = None) -> None:
        super().__init__(PaperBroker(settings or PaperSettings(), "main"))
        self.orders = 0
        self.clock()

    def submit(
        self,
        side: Side = Side.BUY,
        quantity: int | str = 100,
        limit: str | None = None,
        **f: object,
    ) -> list[Message]:
        self.orders += 1
        name = f"o{self.orders}"
        fields = {"symbol": "AAPL", "time_in_force": TimeInForce.DAY, **f}
        return self.say(
            EXECUTION,
            submitting(name, side, Decimal(quantity), limit, self.now_ns, **fields),
        )

    def cancel(self, name: str, symbol: str = "AAPL") -> list[Message]:
        message = Cancelling(
            order_id=name,
            client_order_id=name,
            signal_id=name,
            strategy_id="trend",
            symbol=symbol,
            side=Side.BUY,
            reason="operator",
        )
        return self.say(EXECUTION, message)

    def bar(
        self,
        price: float = 100.0,
        high: float | None = None,
        low: float | None = None,
        volume: float = 10_000.0,
        symbol: str = "AAPL",
        timeframe: Timeframe = Timeframe.M1,
        lane: Lane = FILE,
    ) -> list[Message]:
        """The next bar of a symbol, right after the last moment; closes at its open."""
        start_ns = self.now_ns
        self.now_ns += timeframe.seconds * 1_000_000_000
        made = Bar(
            symbol=symbol,
            timeframe=timeframe,
            start_ns=start_ns,
            open=price,
            high=price if high is None else high,
            low=price if low is None else low,
            close=price,
            volume=volume,
        )
        return self.say(lane, made)

    def quote(
        self, bid: float, ask: float, bid_size: float = 500.0, ask_size: float = 500.0
    ) -> list[Message]:
        self.now_ns += 1_000
        tick = QuoteTick(self.now_ns, bid, ask, bid_size, ask_size)
        return self.say(FILE, Quote(symbol="AAPL", ticks=(tick,)))


class ExecutionTalk(Talk[ExecutionCore]):
    """Speaks to an execution core that knows its account."""

    def __init__(self) -> None:
        super().__init__(ExecutionCore("main", TAPE_ID))
        self.clock()
        self.say(BROKER, BrokerSnapshot(cash=Decimal(1_000), currency="USD", positions={}))

    def approve(
        self, name: str = "a1", quantity: int = 100, side: Side = Side.BUY, **fields: object
    ) -> list[Message]:
        return self.say(RISK, approved(quantity, side, self.now_ns, **fields), name)

    def fill(self, order: Submitting, quantity: int, execution_id: str) -> list[Message]:
        report = Report(
            client_order_id=order.client_order_id,
            signal_id=order.signal_id,
            symbol=order.symbol,
            kind="fill",
            execution_id=execution_id,
            quantity=Decimal(quantity),
            price=Decimal(10),
        )
        return self.say(BROKER, report)

    def end(self, order: Submitting, kind: str) -> list[Message]:
        """`kind`: cancelled, expired or refused."""
        known = order.client_order_id, order.signal_id, order.symbol
        return self.say(BROKER, ending(*known, kind))


class Desk:
    """Execution and the paper broker on one small tape: what each says the other hears."""

    def __init__(self, settings: PaperSettings | None = None) -> None:
        self.broker = PaperBroker(settings or PaperSettings(), "main")
        self.execution = ExecutionCore("main", TAPE_ID)
        self.tape: list[tuple[Stamp, Message, str]] = []
        self.handled = 0

    def put(self, lane: Lane, message: Message, ts_ns: int, identity: str = "") -> None:
        """Append one message and let everything that follows from it happen."""
        self._append(lane, message, ts_ns, identity)
        while self.handled < len(self.tape):
            stamp, heard, subject = self.tape[self.handled]
            self.handled += 1
            cores: tuple[Core, ...] = (self.broker, self.execution)
            for core in cores:
                if any(matches(pattern, subject) for pattern in core.reads):
                    said = core.handle(stamp, heard)
                    outs = answers(TAPE_ID, core.lane, stamp, said)
                    for answer, out in zip(said, outs, strict=True):
                        identity = f"{stamp.id}.{core.lane.service}.{out.index}"
                        self._append(core.lane, answer, stamp.ts_ns, identity)

    def said[M: Message](self, kind: type[M]) -> list[M]:
        return [message for _, message, _ in self.tape if isinstance(message, kind)]

    def _append(self, lane: Lane, message: Message, ts_ns: int, identity: str) -> None:
        seq = len(self.tape) + 1
        name = identity or f"m{seq}"
        stamp = Stamp(seq, ts_ns, lane, name, name)
        self.tape.append((stamp, message, subject_of(lane, message)))


def approved(
    quantity: int, side: Side = Side.BUY, now_ns: int = OPEN_NS, **fields: object
) -> Approved:
    known = {
        "symbol": "AAPL",
        "intent": Intent.OPEN,
        "order_type": OrderType.MARKET,
        "limit_price": None,
        "time_in_force": TimeInForce.DAY,
        "valid_until_ns": now_ns + MINUTE_NS,
    }
    return Approved(
        signal_id="s1",
        strategy_id="trend",
        side=side,
        quantity=Decimal(quantity),
        **(known | fields),  # type: ignore[arg-type]
    )


def submitting(
    name: str, side: Side, quantity: Decimal, limit: str | None, now_ns: int, **fields: object
) -> Submitting:
    known = {
        "intent": Intent.OPEN,
        "valid_until_ns": now_ns + MINUTE_NS,
        "order_type": OrderType.MARKET if limit is None else OrderType.LIMIT,
    }
    return Submitting(
        order_id=name,
        client_order_id=name,
        signal_id=name,
        strategy_id="trend",
        side=side,
        quantity=quantity,
        limit_price=None if limit is None else Decimal(limit),
        **(known | fields),  # type: ignore[arg-type]
    )


def ending(client_order_id: str, signal_id: str, symbol: str, kind: str) -> Report | Refused:
    if kind == "refused":
        return Refused(
            client_order_id=client_order_id, signal_id=signal_id, symbol=symbol, code="no"
        )
    return Report(
        client_order_id=client_order_id, signal_id=signal_id, symbol=symbol, kind=kind, reason="r"
    )


def fills(answer: list[Message]) -> list[tuple[Decimal, Decimal]]:
    """(quantity, price) of each execution in an answer."""
    return [(m.quantity, m.price) for m in answer if isinstance(m, Report) and m.kind == "fill"]


def kinds(answer: list[Message]) -> list[str]:
    """What an answer says: its kinds of report, and the tags of its other messages."""
    return [m.kind if isinstance(m, Report) else str(m.__struct_config__.tag) for m in answer]


def shares(quantity: int | str, price: str) -> tuple[Decimal, Decimal]:
    return Decimal(quantity), Decimal(price)
