"""How many shares a signal gets."""

from decimal import Decimal

import pytest

from services.risk.config import RiskSettings
from shared.domain.values import Intent, Side
from shared.messages.decisions import Approved, Denied
from tests.unit.services.risk.talk import Talk, codes


def _talk(**settings: object) -> Talk:
    talk = Talk(RiskSettings(**settings))  # type: ignore[arg-type]
    talk.minute(AAPL=99.0)
    return talk


def _quantity(answer: Approved | Denied) -> Decimal:
    assert isinstance(answer, Approved), codes(answer)
    return answer.quantity


def test_a_fixed_fraction_of_equity_in_whole_shares() -> None:
    assert _quantity(_talk().signal()) == 50  # 5,000 / 99 = 50.5


def test_fractional_shares_where_they_are_allowed() -> None:
    assert _quantity(_talk(allow_fractional=True).signal()) == Decimal("50.505050")


def test_an_explicit_quantity_is_taken() -> None:
    assert _quantity(_talk().signal(quantity=7)) == 7


def test_a_stop_limits_what_can_be_lost() -> None:
    talk = _talk(position_fraction=Decimal("0.2"))
    assert _quantity(talk.signal(stop_price=89.0)) == 100  # 1 % of 100,000 over 10 a share


def test_a_wide_stop_cannot_raise_the_size() -> None:
    assert _quantity(_talk().signal(stop_price=98.9)) == 50


@pytest.mark.parametrize("stop", [99.0, 120.0, -1.0, float("nan"), float("inf")])
def test_a_stop_that_is_not_beyond_the_entry_is_denied(stop: float) -> None:
    assert codes(_talk().signal(stop_price=stop))[0] == "stop_price"


def test_a_short_has_its_stop_above() -> None:
    assert _quantity(_talk().signal(Side.SELL, stop_price=199.0)) == 10


def test_less_than_one_share_is_no_order() -> None:
    assert codes(_talk(position_fraction=Decimal("0.0009")).signal()) == ["size_zero"]


@pytest.mark.parametrize("quantity", ["0", "-5", "NaN", "Infinity"])
def test_a_quantity_that_is_none_is_denied(quantity: str) -> None:
    assert codes(_talk().signal(quantity=quantity)) == ["quantity_invalid"]


def test_a_close_is_cut_to_what_is_held() -> None:
    talk = _talk()
    opened = talk.signal(quantity=10)
    assert isinstance(opened, Approved)
    talk.fill(opened, "99")
    assert _quantity(talk.signal(Side.SELL, Intent.CLOSE, quantity=4)) == 4
    assert _quantity(talk.signal(Side.SELL, Intent.CLOSE, quantity=99)) == 6
    assert codes(talk.signal(Side.BUY, Intent.CLOSE)) == ["nothing_to_close"]


def test_a_position_is_closed_before_it_is_turned() -> None:
    talk = _talk()
    opened = talk.signal(quantity=10)
    assert codes(talk.signal(Side.SELL)) == ["opposite_position"]  # it is being opened
    assert isinstance(opened, Approved)
    talk.fill(opened, "99")
    assert codes(talk.signal(Side.SELL)) == ["opposite_position"]  # it is held
    assert _quantity(talk.signal(Side.SELL, by="reversion")) == 50  # another strategy may


def test_without_a_price_nothing_is_sized() -> None:
    answer = _talk().signal(symbol="TSLA")
    assert codes(answer) == ["size_zero", "stale_price"]
