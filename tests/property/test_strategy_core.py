"""Whatever a strategy is told, a core restored in between answers as one that was never stopped."""

from collections.abc import Callable
from typing import override

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.strategy import Strategy
from services.strategy.builtin.crossover import EmaCrossover, SmaCrossover
from services.strategy.builtin.opening_range_breakout import OpeningRangeBreakout
from services.strategy.state import Instance
from shared.messages.base import Message
from shared.messages.control import Activate, Deactivate
from shared.messages.market import Bar, CorporateAction
from shared.messages.signals import Signal
from tests.unit.services.strategy.talk import Talk

type Step = tuple[str, int, int]


class Nervous(Strategy):
    """Uses everything, fails now and then."""

    heard: dict[str, list[float]]

    @override
    def on_start(self) -> None:
        self.heard = {}

    @override
    def on_bar(self, bar: Bar) -> None:
        seen = self.heard.setdefault(bar.symbol, [])
        seen.append(self.rsi(bar.symbol, 2) + self.atr(bar.symbol, 2))
        self.note(bands=self.bollinger(bar.symbol, 3).upper)
        if len(seen) % 3 == 0:
            self.sell(bar.symbol, add=True, limit=bar.close)
        elif len(seen) % 3 == 1:
            self.buy(bar.symbol, len(seen))
        if bar.close > 103:
            raise OverflowError(bar.symbol)
        self.set_timer(bar.symbol, self.now_ns + 90 * 10**9)

    @override
    def on_timer(self, name: str, due_ns: int) -> None:
        self.exit(name, reason="enough")


MAKERS: list[Callable[[], Strategy]] = [
    lambda: EmaCrossover(fast=1, slow=3),
    lambda: SmaCrossover(fast=1, slow=3),
    lambda: OpeningRangeBreakout(body_min=0.0),
    Nervous,
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["bar"] * 6 + ["fill", "part", "deny", "submit", "clock", "start", "stop", "split"]
        ),
        st.integers(0, 8),
        st.integers(0, 1),
    ),
    max_size=60,
)


class Desk(Talk):
    """Takes steps; answers refer to the strategy's last signal."""

    def __init__(self, make: Callable[[], Strategy]) -> None:
        super().__init__(make(), Instance(id="s", book="main", signal_ttl_ns=150 * 10**9))
        self.last: Signal | None = None

    def take(self, step: Step) -> tuple[Message, ...]:
        kind, number, which = step
        symbol = ("AAPL", "MSFT")[which]
        if kind == "bar":
            close = 96.0 + number
            said = self.bar(close, symbol=symbol, open_=100.0, high=max(100.5, close))
        elif kind == "clock":
            said = self.clock(self.now_ns + number * 10**11, is_open=which == 0)
        elif kind in ("start", "stop"):
            command = Activate if kind == "start" else Deactivate
            said = self.command(command(strategy_id="s"), id_=f"command{number}{kind}")
        elif kind == "split":
            said = self.say(
                "data",
                CorporateAction(
                    symbol=symbol, kind="split", ex_date=f"2025-05-1{number}", ratio=2.0
                ),
            )
        else:
            said = self.answer(kind, number)
        self.last = next((m for m in reversed(said) if isinstance(m, Signal)), self.last)
        return said

    def answer(self, kind: str, number: int) -> tuple[Message, ...]:
        if self.last is None:
            return ()
        if kind == "deny":
            return self.deny(self.last)
        if kind == "submit":
            return self.submit(self.last)
        return self.fill(self.last, number + 1, is_complete=kind == "fill")


@given(st.sampled_from(MAKERS), STEPS, st.integers(0, 60))
def test_snapshot_and_tail_equal_the_whole(
    make: Callable[[], Strategy], steps: list[Step], cut: int
) -> None:
    whole, before = Desk(make), Desk(make)
    for step in steps[:cut]:
        assert whole.take(step) == before.take(step)
    after = Desk(make)
    after.core.restore(before.core.snapshot())
    after.seq, after.now_ns, after.last = before.seq, before.now_ns, before.last
    for step in steps[cut:]:
        assert whole.take(step) == after.take(step)
    assert whole.core.snapshot() == after.core.snapshot()


@given(st.sampled_from(MAKERS), STEPS)
def test_there_is_never_more_than_one_open_signal_for_a_symbol(
    make: Callable[[], Strategy], steps: list[Step]
) -> None:
    desk = Desk(make)
    for step in steps:
        before = {symbol: replace(p) for symbol, p in desk.core._state.pending.items()}
        for message in desk.take(step):
            if isinstance(message, Signal) and message.symbol in before:
                waiting = before[message.symbol]
                assert not waiting.order_id
                assert desk.now_ns > waiting.valid_until_ns


class Failing(Nervous):
    """Changes everything it has before it fails."""

    @override
    def on_bar(self, bar: Bar) -> None:
        self.heard.setdefault(bar.symbol, []).append(-1.0)
        if bar.open == FAILS:
            self.set_timer("broken", self.now_ns)
            self.sell(bar.symbol, add=True)
            raise RuntimeError(bar.symbol)
        self.heard[bar.symbol].pop()
        super().on_bar(bar)


FAILS = 99.5


@given(STEPS, st.integers(0, 60), st.integers(0, 8))
def test_a_call_that_raised_leaves_no_trace_but_the_count(
    steps: list[Step], cut: int, number: int
) -> None:
    """Equal to a core for which the same bar was one that the author does nothing on."""

    class Careful(Failing):
        @override
        def on_bar(self, bar: Bar) -> None:
            if bar.open != FAILS:
                super().on_bar(bar)

    failing, careful = Desk(Failing), Desk(Careful)
    for desk in (failing, careful):
        for step in steps[:cut]:
            desk.take(step)
        desk.core._state.errors = 0  # what failed before is not what is asked here
        desk.core._set_checkpoint()
        close = 96.0 + number
        desk.bar(close, open_=FAILS, high=max(100.5, close))
    failing.core._state.errors = careful.core._state.errors
    # A wish that is not repeated on a bar has lapsed; a bar that failed says nothing about it.
    failing.core._state.muted = careful.core._state.muted
    assert failing.core._state == careful.core._state
    assert repr(vars(failing.strategy)) == repr(vars(careful.strategy))  # repr: NaN is in it
