"""A conversation with a strategy core: what the desk says to it, and what it answers."""

from decimal import Decimal

from services.strategy.author import Strategy
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.core import Stamp
from shared.domain.sessions import session_of_date
from shared.domain.values import NS_PER_S, ZERO, Intent, Side, Timeframe
from shared.messages.base import Message
from shared.messages.control import Activate, Command
from shared.messages.decisions import Denied
from shared.messages.market import Bar, Clock
from shared.messages.orders import Filled, Submitting
from shared.messages.signals import Signal, Suppressed
from shared.subjects import lane, matches, subject_of

DATA, RISK = lane("data", "file"), lane("risk", "main")
EXECUTION, OPERATOR = lane("execution", "main"), lane("control", "op")
MINUTE_NS = 60 * NS_PER_S


def opening(date: str = "2025-05-13") -> int:
    """Return when a session opens."""
    session = session_of_date(date)
    assert session is not None
    return session.open_ns


def signals(said: tuple[Message, ...]) -> list[tuple[Side, Intent]]:
    return [(m.side, m.intent) for m in said if isinstance(m, Signal)]


def codes(said: tuple[Message, ...]) -> list[str]:
    return [m.code for m in said if isinstance(m, Suppressed)]


def signal_in(said: tuple[Message, ...]) -> Signal:
    (signal,) = (m for m in said if isinstance(m, Signal))
    return signal


class Talk:
    """Speaks to one core, numbering the messages as the tape would."""

    def __init__(
        self,
        strategy: Strategy,
        instance: Instance | None = None,
        *,
        active: bool = True,
        start_ns: int | None = None,
    ) -> None:
        self.instance = instance or Instance(id="s", book="main")
        self.strategy = strategy
        self.core = StrategyCore(self.instance, strategy)
        self.seq = 0
        self.now_ns = opening() if start_ns is None else start_ns
        if active:
            self.command(Activate(strategy_id=self.instance.id))

    def say(
        self, speaker: str, message: Message, ts_ns: int = 0, id_: str = ""
    ) -> tuple[Message, ...]:
        self.seq += 1
        by = {"data": DATA, "risk": RISK, "execution": EXECUTION, "control": OPERATOR}[speaker]
        subject = subject_of(by, message)
        assert any(matches(pattern, subject) for pattern in self.core.reads), subject
        stamp = Stamp(self.seq, ts_ns or self.now_ns, by, id_ or f"id{self.seq}", "story", 1_000)
        return self.core.handle(stamp, message)

    def command(self, command: Command, id_: str = "") -> tuple[Message, ...]:
        return self.say("control", command, ts_ns=1, id_=id_)

    def bar(
        self,
        close: float,
        *,
        symbol: str = "AAPL",
        open_: float | None = None,
        high: float | None = None,
        low: float | None = None,
    ) -> tuple[Message, ...]:
        """Say the next bar; time moves to its end."""
        start_ns, open_ = self.now_ns, close if open_ is None else open_
        timeframe = Timeframe(self.strategy.timeframe)
        self.now_ns = start_ns + timeframe.seconds * NS_PER_S
        return self.say(
            "data",
            Bar(
                symbol=symbol,
                timeframe=timeframe,
                start_ns=start_ns,
                open=open_,
                high=max(open_, close) if high is None else high,
                low=min(open_, close) if low is None else low,
                close=close,
                volume=1_000.0,
            ),
        )

    def clock(
        self, ts_ns: int | None = None, session: str = "", *, is_open: bool = False
    ) -> tuple[Message, ...]:
        self.now_ns = self.now_ns if ts_ns is None else ts_ns
        return self.say("data", Clock(ts_ns=self.now_ns, session=session, is_open=is_open))

    def submit(self, signal: Signal, order_id: str = "o1") -> tuple[Message, ...]:
        return self.say(
            "execution",
            Submitting(
                order_id=order_id,
                client_order_id=order_id,
                signal_id="sig",
                strategy_id=signal.strategy_id,
                symbol=signal.symbol,
                side=signal.side,
                intent=signal.intent,
                quantity=Decimal(10),
                order_type=signal.order_type,
                limit_price=signal.limit_price,
                time_in_force=signal.time_in_force,
                valid_until_ns=signal.valid_until_ns,
            ),
        )

    def fill(
        self,
        signal: Signal,
        quantity: int = 10,
        price: str = "100",
        *,
        order_id: str = "o1",
        is_complete: bool = True,
    ) -> tuple[Message, ...]:
        return self.say(
            "execution",
            Filled(
                order_id=order_id,
                client_order_id=order_id,
                signal_id="sig",
                strategy_id=signal.strategy_id,
                symbol=signal.symbol,
                side=signal.side,
                execution_id=f"e{self.seq}",
                intent=signal.intent,
                quantity=Decimal(quantity),
                price=Decimal(price),
                commission=ZERO,
                cumulative_quantity=Decimal(quantity),
                order_quantity=Decimal(quantity),
                is_complete=is_complete,
            ),
        )

    def deny(self, signal: Signal) -> tuple[Message, ...]:
        return self.say(
            "risk",
            Denied(
                signal_id="sig",
                strategy_id=signal.strategy_id,
                symbol=signal.symbol,
                side=signal.side,
                intent=signal.intent,
                quantity=ZERO,
                reasons=(),
            ),
        )
