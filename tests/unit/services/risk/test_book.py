"""How facts change the book."""

from decimal import Decimal

import pytest

from services.risk.book import order_key, reserve
from services.risk.state import RiskState, Working
from shared.domain.errors import InvariantError
from shared.domain.values import Intent, Side
from shared.messages.decisions import Approved
from shared.messages.market import CorporateAction
from shared.messages.orders import Filled
from tests.unit.services.risk.talk import EXECUTION, FILE, Talk, filled


def _bought(quantity: int = 100) -> Talk:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal(quantity=quantity)
    assert isinstance(opened, Approved)
    talk.fill(opened, "100")
    return talk


def test_a_partial_fill_uses_up_its_part_of_the_reservation() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal(quantity=100)
    assert isinstance(opened, Approved)
    talk.fill(opened, "100", 30, done=False)
    holding = talk.state.holdings["AAPL"]
    assert (holding.quantity, holding.buying) == (Decimal(30), Decimal(70))
    assert (holding.net, holding.gross) == (30.0, 100.0)
    talk.cancelled(opened)
    assert (holding.quantity, holding.buying) == (Decimal(30), Decimal(0))


def test_cash_pays_price_commission_and_fees() -> None:
    talk = Talk()
    talk.minute(AAPL=100.0)
    opened = talk.signal(quantity=10)
    assert isinstance(opened, Approved)
    plain = filled(opened, "100.5", Decimal(10))
    fill = Filled(
        **{name: getattr(plain, name) for name in plain.__struct_fields__}
        | {"commission": Decimal("1.00"), "fees": Decimal("0.03")}
    )
    talk.say(EXECUTION, fill)
    assert talk.state.cash == Decimal("98993.97")
    assert talk.state.session.realized_pnl == Decimal("-1.03")


def test_a_flat_position_leaves_nothing_behind() -> None:
    talk = _bought()
    closing = talk.signal(Side.SELL, Intent.CLOSE)
    assert isinstance(closing, Approved)
    talk.fill(closing, "101")
    assert talk.state.session.realized_pnl == 100
    assert not talk.state.holdings
    assert not talk.state.accounts["trend"]
    assert talk.state.cash == 100_100


def test_a_later_statement_of_the_broker_is_adopted() -> None:
    talk = _bought()
    talk.account("5000", AAPL=60, IBM=3)
    assert talk.state.cash == 5_000
    assert talk.state.holdings["AAPL"].quantity == 60
    assert talk.state.accounts["trend"]["AAPL"].quantity == 100
    assert talk.state.accounts[""]["AAPL"].quantity == -40
    talk.account("5000", AAPL=100)
    assert not talk.state.accounts[""]
    assert "IBM" not in talk.state.holdings


def test_the_parts_of_a_split_sum_to_the_whole() -> None:
    talk = Talk()
    talk.minute(AAPL=10.0)
    for by in ("a", "b", "c"):
        opened = talk.signal(by=by, quantity=50)
        assert isinstance(opened, Approved)
        talk.fill(opened, "10")
    talk.say(FILE, CorporateAction(symbol="AAPL", kind="split", ex_date="2026-01-06", ratio=1 / 7))
    parts = [talk.state.accounts[by]["AAPL"].quantity for by in ("a", "b", "c")]
    assert sum(parts) == talk.state.holdings["AAPL"].quantity == Decimal("21.428571428")


def test_dividends_are_paid_to_longs_and_by_shorts() -> None:
    talk = _bought()
    paid = CorporateAction(
        symbol="AAPL", kind="dividend", ex_date="2026-01-06", cash_per_share=0.25
    )
    talk.say(FILE, paid)
    assert talk.state.cash == 90_025


def test_one_signal_reserves_once() -> None:
    state = RiskState()
    order = Working("trend", "AAPL", Side.BUY, Intent.OPEN, Decimal(1), Decimal(1))
    reserve(state, order_key("s1", "trend", "AAPL"), order)
    with pytest.raises(InvariantError, match="INV-RESERVATION"):
        reserve(state, order_key("s1", "trend", "AAPL"), order)
