"""The paper broker and execution together: money and shares are conserved, orders end.

What the account holds must follow from the reported executions alone; no bar gives more than its
share; no limit is broken; and when the day is over and the rest is cancelled, every order that
was submitted has ended exactly once.
"""

from decimal import Decimal
from typing import override

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.execution.config import PaperSettings
from services.execution.core import ExecutionCore
from services.execution.paper.core import PaperBroker
from shared.domain.values import OrderType, Side, Timeframe, TimeInForce
from shared.messages.broker import Report
from shared.messages.control import Kill
from shared.messages.market import Bar, Clock, MarketStatus
from shared.messages.orders import (
    Account,
    Cancelled,
    Expired,
    External,
    Filled,
    Rejected,
    Submitting,
)
from tests.unit.services.execution.talk import (
    FILE,
    MINUTE_NS,
    OPEN_NS,
    OPERATOR,
    RISK,
    TAPE_ID,
    Desk,
    approved,
)

SYMBOLS = ("AAPL", "IBM")
START = PaperSettings().starting_cash

symbols = st.sampled_from(SYMBOLS)
prices = st.floats(5.0, 20.0).map(lambda price: round(price, 2))


class PaperUnderFire(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.now_ns = OPEN_NS
        self.day = 5
        self.desk.put(FILE, self._clock(is_open=True), self.now_ns)

    @rule(
        symbol=symbols,
        side=st.sampled_from(list(Side)),
        quantity=st.integers(1, 5_000),
        limit=st.none() | prices,
        force=st.sampled_from(list(TimeInForce)),
    )
    def orders(
        self, symbol: str, side: Side, quantity: int, limit: float | None, force: TimeInForce
    ) -> None:
        wish = approved(
            quantity,
            side,
            self.now_ns,
            symbol=symbol,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            limit_price=None if limit is None else Decimal(str(limit)),
            time_in_force=force,
        )
        self.desk.put(RISK, wish, self.now_ns)

    @rule(
        symbol=symbols, four=st.tuples(prices, prices, prices, prices), volume=st.integers(0, 9_999)
    )
    def market_trades(
        self, symbol: str, four: tuple[float, float, float, float], volume: int
    ) -> None:
        bar = Bar(
            symbol=symbol,
            timeframe=Timeframe.M1,
            start_ns=self.now_ns,
            open=four[0],
            high=max(four),
            low=min(four),
            close=four[3],
            volume=float(volume),
        )
        self.now_ns += MINUTE_NS
        before = len(self.desk.said(Report))
        self.desk.put(FILE, bar, self.now_ns)
        self.desk.put(FILE, self._clock(is_open=True), self.now_ns)
        fills = [r for r in self.desk.said(Report)[before:] if r.kind == "fill"]
        assert sum(report.quantity for report in fills) <= volume // 10
        self._respect_limits(fills, bar)

    @rule(symbol=symbols, halted=st.booleans())
    def halts(self, symbol: str, halted: bool) -> None:
        self.desk.put(FILE, MarketStatus(symbol=symbol, halted=halted), self.now_ns)

    @rule()
    def night_passes(self) -> None:
        self.desk.put(FILE, self._clock(is_open=False), self.now_ns)
        self.now_ns += 1_000 * MINUTE_NS
        self.day += 1
        self.desk.put(FILE, self._clock(is_open=True), self.now_ns)

    @rule()
    def both_restart(self) -> None:
        broker = PaperBroker(PaperSettings(), "main")
        broker.restore(self.desk.broker.snapshot())
        execution = ExecutionCore("main", TAPE_ID)
        execution.restore(self.desk.execution.snapshot())
        assert broker.snapshot() == self.desk.broker.snapshot()
        self.desk.broker, self.desk.execution = broker, execution

    @invariant()
    def money_and_shares_are_conserved(self) -> None:
        cash, held = START, dict.fromkeys(SYMBOLS, Decimal(0))
        for fill in self.desk.said(Filled):
            signed = fill.side.sign * fill.quantity
            cash -= signed * fill.price + fill.commission + fill.fees
            held[fill.symbol] += signed
            assert fill.commission >= 0
            assert fill.fees >= 0
        state = self.desk.broker.state
        assert state.cash == cash
        assert state.positions == {symbol: q for symbol, q in held.items() if q}
        assert self.desk.execution.state.positions == state.positions

    @invariant()
    def nothing_is_unexplained(self) -> None:
        assert not self.desk.said(External)
        assert self.desk.said(Account)
        resting = [o for orders in self.desk.broker.state.resting.values() for o in orders]
        assert self.desk.broker.state.resting_count == len(resting)
        assert {o.client_order_id for o in resting} == set(self.desk.execution.state.orders)

    @override
    def teardown(self) -> None:
        self.night_passes()
        self.desk.put(OPERATOR, Kill(), self.now_ns)
        submitted = [order.client_order_id for order in self.desk.said(Submitting)]
        ended = [fill.client_order_id for fill in self.desk.said(Filled) if fill.is_complete]
        for kind in (Cancelled, Expired, Rejected):
            ended += [end.client_order_id for end in self.desk.said(kind)]
        assert sorted(submitted) == sorted(ended)
        assert not self.desk.broker.state.resting

    def _respect_limits(self, fills: list[Report], bar: Bar) -> None:
        orders = {order.client_order_id: order for order in self.desk.said(Submitting)}
        for fill in fills:
            order = orders[fill.client_order_id]
            if order.limit_price is None:
                assert abs(fill.price - Decimal(str(bar.open))) <= Decimal("0.02")
            elif order.side is Side.BUY:
                assert Decimal(str(bar.low)) < order.limit_price
                assert fill.price <= order.limit_price
            else:
                assert Decimal(str(bar.high)) > order.limit_price
                assert fill.price >= order.limit_price

    def _clock(self, *, is_open: bool) -> Clock:
        return Clock(ts_ns=self.now_ns, session=f"2026-01-{self.day:02}", is_open=is_open)


TestPaperUnderFire = PaperUnderFire.TestCase
TestPaperUnderFire.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
