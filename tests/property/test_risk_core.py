"""Risk under arbitrary signals, prices, fills and commands never approves past its limits.

The oracle keeps its own books, in exact decimals and in the most naive way, from what it fed the
core and what the core answered.
"""

from decimal import Decimal
from typing import override

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.risk.config import RiskSettings
from services.risk.core import RiskCore
from shared.domain.values import Intent, Side, to_price
from shared.messages.base import Message
from shared.messages.control import Flatten, Kill, Resume
from shared.messages.decisions import Approved, Denied, Halted, Resumed
from tests.unit.services.risk.talk import Talk

SYMBOLS = ("AAPL", "IBM", "MSFT", "TSLA")
STRATEGIES = ("trend", "reversion")
LIMITS = RiskSettings(max_gross_exposure=Decimal("0.5"), max_open_positions=3, max_working_orders=8)
CENTS = Decimal("0.02")  # what rounding to cents may hide, on both sides of a comparison

symbols = st.sampled_from(SYMBOLS)
prices = st.floats(60.0, 140.0).map(lambda price: round(price, 2))


class RiskUnderFire(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.talk = Talk(LIMITS)
        self.cash = Decimal(100_000)
        self.prices: dict[str, Decimal] = {}
        self.held: dict[tuple[str, str], Decimal] = {}
        self.open: dict[str, tuple[Approved, Decimal]] = {}  # with what is left of each
        self.killed = self.halted = False
        self._say_prices([100.0] * len(SYMBOLS))

    @rule(moved=st.lists(prices, min_size=len(SYMBOLS), max_size=len(SYMBOLS)))
    def prices_move(self, moved: list[float]) -> None:
        self._say_prices(moved)

    @rule(day=st.integers(5, 9))
    def session_begins(self, day: int) -> None:
        self._notice(self.talk.clock(f"2026-01-0{day}"))

    @rule(
        symbol=symbols,
        by=st.sampled_from(STRATEGIES),
        side=st.sampled_from(list(Side)),
        quantity=st.none() | st.integers(1, 250),
        stop=st.none() | prices,
    )
    def opens(
        self, symbol: str, by: str, side: Side, quantity: int | None, stop: float | None
    ) -> None:
        answer = self.talk.signal(side, Intent.OPEN, symbol, by, quantity, stop_price=stop)
        if isinstance(answer, Denied):
            assert answer.reasons
            assert not any(check.passed for check in answer.reasons)
            return
        assert not self.killed
        assert not self.halted
        assert all(check.passed for check in answer.checks)
        self.open[answer.signal_id + by + symbol] = (answer, answer.quantity)
        self._check_limits(answer)

    @rule(symbol=symbols, by=st.sampled_from(STRATEGIES), side=st.sampled_from(list(Side)))
    def closes(self, symbol: str, by: str, side: Side) -> None:
        answer = self.talk.signal(side, Intent.CLOSE, symbol, by)
        if isinstance(answer, Approved):
            assert not self.killed
            self._take_close(answer)

    @precondition(lambda self: self.held)
    @rule()
    def is_flattened(self) -> None:
        said = self.talk.order(Flatten())
        self._notice(tuple(said))
        for message in said:
            if isinstance(message, Approved):
                assert not self.killed
                self._take_close(message)

    @precondition(lambda self: self.open)
    @rule(data=st.data(), share=st.floats(0.01, 1.0), slip=st.floats(0.99, 1.01))
    def fills(self, data: st.DataObject, share: float, slip: float) -> None:
        key = data.draw(st.sampled_from(list(self.open)))
        order, left = self.open[key]
        quantity = max(int(float(left) * share), 1)
        price = to_price(float(self.prices[order.symbol]) * slip)
        done = quantity == left
        self.talk.fill(order, str(price), quantity, done=done)
        signed = order.side.sign * quantity
        owner = (order.strategy_id, order.symbol)
        self.held[owner] = self.held.get(owner, Decimal(0)) + signed
        self.cash -= signed * price
        if done:
            del self.open[key]
        else:
            self.open[key] = (order, left - quantity)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def is_cancelled(self, data: st.DataObject) -> None:
        order, _ = self.open.pop(data.draw(st.sampled_from(list(self.open))))
        self.talk.cancelled(order)

    @rule(stays=st.integers(0, 4))
    def is_killed(self, stays: int) -> None:
        self.talk.order(Kill())
        self.killed = True
        if stays:
            self.is_resumed()

    @precondition(lambda self: self.killed or self.halted)
    @rule()
    def is_resumed(self) -> None:
        self.talk.order(Resume(expected_seq=self.talk.seq))
        self.killed = self.halted = False

    @rule()
    def restarts(self) -> None:
        successor = RiskCore(LIMITS, "main")
        state = self.talk.core.snapshot()
        successor.restore(state)
        assert successor.snapshot() == state
        self.talk.core = successor

    @invariant()
    def books_agree(self) -> None:
        state = self.talk.state
        assert state.cash == self.cash
        for symbol in SYMBOLS:
            holding = state.holdings.get(symbol)
            held = sum(q for (_, name), q in self.held.items() if name == symbol)
            assert (holding.quantity if holding else 0) == held
            for side in Side:
                mine = self._working(symbol, side)
                reserved = holding and (holding.buying if side is Side.BUY else holding.selling)
                assert (reserved or 0) == mine

    @override
    def teardown(self) -> None:
        for order, _ in self.open.values():
            self.talk.cancelled(order)
        assert not self.talk.state.working

    def _say_prices(self, moved: list[float]) -> None:
        said = dict(zip(SYMBOLS, moved, strict=True))
        self._notice(self.talk.minute("2026-01-05", **said))
        self.prices = {symbol: to_price(price) for symbol, price in said.items()}

    def _take_close(self, order: Approved) -> None:
        owner = (order.strategy_id, order.symbol)
        most = -order.side.sign * self.held.get(owner, Decimal(0))
        for other, left in self.open.values():
            same = (other.strategy_id, other.symbol, other.side)
            if same == (order.strategy_id, order.symbol, order.side):
                most -= left
        assert Decimal(0) < order.quantity <= most
        self.open[order.signal_id + order.strategy_id + order.symbol] = (order, order.quantity)

    def _check_limits(self, order: Approved) -> None:
        equity = self.cash + sum(q * self.prices[s] for (_, s), q in self.held.items())
        worth = {symbol: self._most(symbol) * p for symbol, p in self.prices.items()}
        projected = self._net(order.symbol) * order.side.sign
        projected += self._working(order.symbol, order.side)
        price = self.prices[order.symbol]
        assert abs(projected) * price <= LIMITS.max_position_fraction * equity + CENTS
        assert order.quantity * price <= LIMITS.max_order_fraction * equity + CENTS
        assert sum(worth.values()) <= LIMITS.max_gross_exposure * equity + CENTS
        assert len([w for w in worth.values() if w]) <= LIMITS.max_open_positions
        assert len(self.open) <= LIMITS.max_working_orders

    def _most(self, symbol: str) -> Decimal:
        net = self._net(symbol)
        return max(
            abs(net + self._working(symbol, Side.BUY)),
            abs(net - self._working(symbol, Side.SELL)),
        )

    def _net(self, symbol: str) -> Decimal:
        return sum((q for (_, name), q in self.held.items() if name == symbol), Decimal(0))

    def _working(self, symbol: str, side: Side) -> Decimal:
        mine = (left for o, left in self.open.values() if (o.symbol, o.side) == (symbol, side))
        return sum(mine, Decimal(0))

    def _notice(self, said: tuple[Message, ...]) -> None:
        for message in said:
            if isinstance(message, Halted):
                self.halted = True
            elif isinstance(message, Resumed):
                self.halted = False


TestRiskUnderFire = RiskUnderFire.TestCase
TestRiskUnderFire.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
