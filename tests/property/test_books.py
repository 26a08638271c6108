"""Whatever happens, the books balance, and what is theirs is what the market paid."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.ledger import books
from services.ledger.journal import position_account
from services.ledger.rows import EntryRow, LineRow
from shared.domain.values import ZERO, Side
from tests.unit.services.ledger.story import Story

SYMBOLS = st.sampled_from(("AAPL", "BRK.B", "MSFT"))
STRATEGIES = st.sampled_from(("ema", "orb", "zig"))
SHARES = st.decimals("0.001", "500", places=3)
PRICES = st.decimals("0.0001", "900", places=4)
COSTS = st.decimals("-1", "5", places=2)  # a rebate is a negative fee
CASH = st.decimals("-100000", "100000", places=2)
STATED = st.dictionaries(SYMBOLS, st.decimals("-50", "50", places=2), max_size=3)


class Books(RuleBasedStateMachine):
    """Random trading, with a twin that was restored from a snapshot at every step."""

    def __init__(self) -> None:
        super().__init__()
        self.story = Story()
        self.twin = Story(keeps_rows=False)
        self.cash = ZERO
        self.lines: dict[tuple[int, int], Decimal] = {}
        self.costs: dict[str, Decimal] = {}
        self.actions = 0

    @rule(cash=CASH, stated=STATED)
    def the_broker_states_the_account(self, cash: Decimal, stated: dict[str, Decimal]) -> None:
        if not self.story.core.state.is_opened:
            self.cash += cash
        self.story.account(str(cash), **{s: str(q) for s, q in stated.items()})

    @rule(
        side=st.sampled_from(Side),
        shares=SHARES,
        price=PRICES,
        cost=COSTS,
        symbol=SYMBOLS,
        strategy_id=STRATEGIES,
    )
    def a_strategy_trades(
        self,
        side: Side,
        shares: Decimal,
        price: Decimal,
        cost: Decimal,
        symbol: str,
        strategy_id: str,
    ) -> None:
        self.cash -= shares * price * side.sign + cost
        self.story.trade(
            side,
            str(shares),
            str(price),
            symbol=symbol,
            strategy_id=strategy_id,
            commission=str(cost),
        )

    @rule(symbol=SYMBOLS, price=PRICES, session=st.sampled_from(("2025-05-09", "", "2025-05-12")))
    def a_minute_passes(self, symbol: str, price: Decimal, session: str) -> None:
        self.story.bar(symbol, float(price))
        self.story.clock(session)

    @rule(symbol=SYMBOLS, ratio=st.sampled_from((2.0, 7.0, 1.5, 0.1, 1 / 3)))
    def a_symbol_splits(self, symbol: str, ratio: float) -> None:
        self.actions += 1
        self.story.split(symbol, ratio, ex_date=f"2025-05-09.{self.actions:06d}")

    @rule(symbol=SYMBOLS, cash=st.decimals("0.001", "3", places=3))
    def a_dividend_is_paid(self, symbol: str, cash: Decimal) -> None:
        self.actions += 1
        before = self.story.core.state.totals.dividends
        held = books.holdings(self.story.core.state).get(symbol, ZERO)
        self.story.dividend(symbol, float(cash), ex_date=f"2025-05-09.{self.actions:06d}")
        paid = self.story.core.state.totals.dividends - before
        assert abs(paid - held * cash) <= Decimal("0.005")  # one rounding for the whole position
        self.cash += paid

    @invariant()
    def the_books_balance(self) -> None:
        state = self.story.core.state
        assert books.is_balanced(state)
        assert sum(state.balances.values(), ZERO) == 0

    @invariant()
    def cash_is_what_was_paid_and_received(self) -> None:
        assert self.story.core.state.totals.cash == self.cash

    @invariant()
    def a_flat_lot_costs_nothing(self) -> None:
        for lots in self.story.core.state.lots.values():
            for lot in lots.values():
                assert lot.position.quantity or not lot.position.cost

    @invariant()
    def the_rows_alone_tell_the_same(self) -> None:
        for row in self.story.core.take_rows(self.story.seq):
            if isinstance(row, EntryRow):
                self.lines[row.seq, row.entry] = ZERO
            if isinstance(row, LineRow):
                self.lines[row.seq, row.entry] += row.amount
                self.costs[row.account] = self.costs.get(row.account, ZERO) + row.amount
        assert not any(self.lines.values())
        for symbol, lots in self.story.core.state.lots.items():
            cost = sum((lot.position.cost for lot in lots.values()), ZERO)
            assert self.costs.get(position_account(symbol), ZERO) == cost

    @invariant()
    def a_restored_twin_is_the_same(self) -> None:
        for entry in self.story.entries[self.twin.core.state.seq :]:
            self.twin.core.handle(*entry.open())
        state = self.twin.core.snapshot()
        assert state == self.story.core.snapshot()
        self.twin = Story(keeps_rows=False)
        self.twin.core.restore(state)


TestBooks = Books.TestCase
TestBooks.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


@given(
    shares=st.lists(SHARES, min_size=1, max_size=8),
    opening=PRICES,
    closing=PRICES,
)
@settings(max_examples=50, deadline=None)
def test_a_round_trip_keeps_no_crumb_whatever_the_pieces(
    shares: list[Decimal], opening: Decimal, closing: Decimal
) -> None:
    story = Story(keeps_rows=False)
    story.account("0")
    total = sum(shares, ZERO)
    story.trade(Side.BUY, str(total), str(opening))
    for piece in shares:
        story.trade(Side.SELL, str(piece), str(closing))
    state = story.core.state
    assert (state.held, books.value(state).cost) == (0, ZERO)
    assert state.totals.cash == state.totals.realized_pnl == total * (closing - opening)
