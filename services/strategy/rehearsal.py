"""A strategy alone on stage, for its author's own tests: bars in, what it says out.

No risk, no broker, no costs: every signal is filled at once, in full, at the price it looked at.
What a strategy is worth is for a backtest to say.
"""

from collections.abc import Iterable
from decimal import Decimal

from services.strategy.author import Strategy
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.core import Stamp
from shared.domain.values import NS_PER_S, ZERO, Intent, to_price
from shared.messages.base import Message
from shared.messages.control import Activate
from shared.messages.market import Bar, Clock
from shared.messages.orders import Filled
from shared.messages.signals import Signal
from shared.subjects import Lane, lane

_NAME = "rehearsal"
_DATA, _EXECUTION = lane("data", _NAME), lane("execution", _NAME)
_OPERATOR = lane("control", _NAME)


def rehearse(
    strategy: Strategy, bars: Iterable[Bar], *, shares: Decimal = Decimal(100)
) -> list[Message]:
    """Return every `Signal` and `Suppressed` that the bars caused, in order.

    Bars are in order of time; their own timeframe does not matter. Time passes with each bar, so
    timers fire. An opening signal without a quantity is filled with `shares`.
    """
    stage = _Stage(strategy, shares)
    for bar in bars:
        stage.play(bar)
    return stage.said


class _Stage:
    """One rehearsal."""

    def __init__(self, strategy: Strategy, shares: Decimal) -> None:
        self.said: list[Message] = []
        self._strategy = strategy
        self._shares = shares
        self._seq = 0
        self._core = StrategyCore(Instance(id=_NAME, book=_NAME), strategy)
        self._core.handle(self._stamp(0, _OPERATOR), Activate(strategy_id=_NAME))

    def play(self, bar: Bar) -> None:
        """Say one bar and the time at its end."""
        end_ns = bar.start_ns + bar.timeframe.seconds * NS_PER_S
        for message in (bar, Clock(ts_ns=end_ns)):
            self._answer(self._core.handle(self._stamp(end_ns, _DATA), message), end_ns)

    def _answer(self, said: tuple[Message, ...], now_ns: int) -> None:
        self.said += said
        for message in said:
            if isinstance(message, Signal):
                fill = self._fill(message)
                self._answer(self._core.handle(self._stamp(now_ns, _EXECUTION), fill), now_ns)

    def _fill(self, signal: Signal) -> Filled:
        quantity = signal.quantity or self._shares
        if signal.intent is Intent.CLOSE:
            held = abs(self._strategy.position(signal.symbol))
            quantity = min(signal.quantity or held, held)
        return Filled(
            order_id=str(self._seq),
            client_order_id=str(self._seq),
            signal_id=str(self._seq),
            strategy_id=_NAME,
            symbol=signal.symbol,
            side=signal.side,
            execution_id=str(self._seq),
            intent=signal.intent,
            quantity=quantity,
            price=to_price(signal.price),
            commission=ZERO,
            cumulative_quantity=quantity,
            order_quantity=quantity,
            is_complete=True,
        )

    def _stamp(self, ts_ns: int, speaker: Lane) -> Stamp:
        self._seq += 1
        return Stamp(self._seq, ts_ns, speaker, str(self._seq), str(self._seq))
