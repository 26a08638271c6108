"""The paper broker and execution together: money and shares are conserved, orders end.

What the account holds must follow from the reported executions and charges alone; no bar gives
more than its share, or a better price than it had; no limit is broken; and when the day is over
and the rest is cancelled, every order that was submitted has ended exactly once. A smaller share
of the volume never makes an order fill sooner.
"""

from decimal import Decimal
from typing import override

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.execution.config import PaperSettings
from services.execution.core import ExecutionCore
from services.execution.paper.core import PaperBroker
from shared.domain.sessions import next_session, session_of_date
from shared.domain.values import OrderType, Side, Timeframe, TimeInForce
from shared.messages.broker import Report
from shared.messages.control import Kill
from shared.messages.market import Bar, Clock, MarketStatus
from shared.messages.orders import (
    Account,
    Cancelled,
    Charged,
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
    BrokerTalk,
    Desk,
    approved,
    fills,
)

SYMBOLS = ("AAPL", "IBM")
SETTINGS = PaperSettings(leverage=Decimal(2))
START = SETTINGS.starting_cash

symbols = st.sampled_from(SYMBOLS)
prices = st.floats(5.0, 20.0).map(lambda price: round(price, 2))


class PaperUnderFire(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(SETTINGS)
        self.now_ns = OPEN_NS
        self.session = session_of_date("2026-01-05")
        self.desk.put(FILE, self._clock(is_open=True), self.now_ns)

    @rule(
        symbol=symbols,
        side=st.sampled_from(list(Side)),
        quantity=st.integers(1, 5_000),
        kind=st.sampled_from(list(OrderType)),
        at=st.tuples(prices, prices),
        force=st.sampled_from(list(TimeInForce)),
    )
    def orders(
        self,
        symbol: str,
        side: Side,
        quantity: int,
        kind: OrderType,
        at: tuple[float, float],
        force: TimeInForce,
    ) -> None:
        limit, trigger = (Decimal(str(price)) for price in at)
        wish = approved(
            quantity,
            side,
            self.now_ns,
            symbol=symbol,
            order_type=kind,
            limit_price=limit if kind in (OrderType.LIMIT, OrderType.STOP_LIMIT) else None,
            trigger_price=trigger if kind in (OrderType.STOP, OrderType.STOP_LIMIT) else None,
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
        done = [r for r in self.desk.said(Report)[before:] if r.kind == "fill"]
        assert sum(report.quantity for report in done) <= volume // 10
        self._respect_prices(done, bar)

    @rule(symbol=symbols, halted=st.booleans())
    def halts(self, symbol: str, halted: bool) -> None:
        self.desk.put(FILE, MarketStatus(symbol=symbol, halted=halted), self.now_ns)

    @rule()
    def night_passes(self) -> None:
        self.desk.put(FILE, self._clock(is_open=False), self.now_ns)
        self.session = next_session(self.now_ns)
        self.now_ns = self.session.open_ns
        self.desk.put(FILE, self._clock(is_open=True), self.now_ns)

    @rule()
    def both_restart(self) -> None:
        broker = PaperBroker(SETTINGS, "main")
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
            assert fill.fees == sum(fill.fee_parts.values())
            assert all(part > 0 for part in fill.fee_parts.values())
        for charge in self.desk.said(Charged):
            assert charge.amount > 0
            cash -= charge.amount
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

    def _respect_prices(self, done: list[Report], bar: Bar) -> None:
        orders = {order.client_order_id: order for order in self.desk.said(Submitting)}
        low, high = Decimal(str(bar.low)), Decimal(str(bar.high))
        for fill in done:
            order = orders[fill.client_order_id]
            limit = order.limit_price
            if order.side is Side.BUY:
                assert fill.price >= low
                assert limit is None or (low < limit and fill.price <= limit)
            else:
                assert fill.price <= high
                assert limit is None or (high > limit and fill.price >= limit)

    def _clock(self, *, is_open: bool) -> Clock:
        assert self.session is not None
        return Clock(ts_ns=self.now_ns, session=self.session.date, is_open=is_open)


TestPaperUnderFire = PaperUnderFire.TestCase
TestPaperUnderFire.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)


@given(
    shares=st.tuples(st.integers(1, 100), st.integers(1, 100)),
    quantity=st.integers(1, 2_000),
    limit=st.none() | prices,
    bars=st.lists(st.tuples(prices, prices, st.integers(0, 5_000)), min_size=1, max_size=12),
)
@settings(max_examples=100, deadline=None)
def test_a_stricter_cap_never_fills_earlier(
    shares: tuple[int, int],
    quantity: int,
    limit: float | None,
    bars: list[tuple[float, float, int]],
) -> None:
    strict, loose = (_filled_after(share, quantity, limit, bars) for share in sorted(shares))
    assert all(few <= many for few, many in zip(strict, loose, strict=True))


def _filled_after(
    percent: int, quantity: int, limit: float | None, bars: list[tuple[float, float, int]]
) -> list[Decimal]:
    """Return the shares that an order has got after each bar."""
    talk = BrokerTalk(PaperSettings(participation=Decimal(percent) / 100))
    talk.submit(Side.BUY, quantity, None if limit is None else str(limit))
    filled, after = Decimal(0), []
    for one, other, volume in bars:
        answer = talk.bar(one, max(one, other), min(one, other), float(volume))
        filled += sum(got for got, _ in fills(answer))
        after.append(filled)
    return after
