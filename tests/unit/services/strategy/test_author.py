import importlib.util
from decimal import Decimal
from pathlib import Path

import pytest

from services.strategy import Strategy
from services.strategy.catalogue import resolve
from services.strategy.state import Instance
from shared.domain.errors import ConfigurationError
from shared.domain.values import Intent, OrderType, Side
from shared.messages.signals import Signal
from tests.unit.services.strategy.talk import Talk, codes, signal_in, signals

ROOT = Path(__file__).parents[4]


def test_the_ten_lines_of_the_guide_trade() -> None:
    strategy = resolve(str(ROOT / "examples" / "my_crossover.py"))(fast=1, slow=2)
    talk = Talk(strategy)
    assert talk.bar(100.0) == ()
    entry = talk.bar(101.0)
    assert signals(entry) == [(Side.BUY, Intent.OPEN)]
    talk.fill(signal_in(entry))
    assert signals(talk.bar(90.0)) == [(Side.SELL, Intent.CLOSE)]


def test_the_ten_lines_are_ten() -> None:
    spec = importlib.util.spec_from_file_location("x", ROOT / "examples" / "my_crossover.py")
    assert spec is not None
    assert spec.origin is not None
    text = Path(spec.origin).read_text(encoding="utf-8")
    code = text[text.index("class ") :]
    assert len([line for line in code.splitlines() if line.strip()]) <= 10


class Bare(Strategy):
    fast: int = 3


def test_parameters_are_attributes_and_a_table() -> None:
    strategy = Bare(fast="7")
    assert strategy.fast == 7
    assert strategy.parameters == {"fast": 7}


def test_an_order_carries_quantity_limit_and_stop_as_they_can_be_booked() -> None:
    strategy = Bare()
    talk = Talk(strategy)
    talk.bar(100.0)
    numbers = {"a": 1, "b": float("nan")}
    assert strategy.buy("AAPL", 1.5, limit=100.123449, stop=98.5, values=numbers)
    (said,) = talk.core._seat.settle("")
    assert isinstance(said, Signal)
    assert said.quantity == Decimal("1.5")
    assert said.limit_price == Decimal("100.1234")
    assert said.order_type is OrderType.LIMIT
    assert said.stop_price == 98.5
    assert said.values == {"a": 1.0}


def test_more_is_bought_only_on_demand() -> None:
    strategy = Bare()
    talk = Talk(strategy)
    talk.bar(100.0)
    strategy.buy("AAPL")
    talk.fill(signal_in(talk.core._seat.settle("")))
    assert not strategy.buy("AAPL")
    assert strategy.buy("AAPL", add=True)


def test_an_exit_without_a_position_says_nothing() -> None:
    strategy = Bare()
    talk = Talk(strategy)
    talk.bar(100.0)
    assert not strategy.exit("AAPL")
    assert talk.core._seat.settle("") == ()


def test_a_symbol_without_a_price_cannot_be_traded() -> None:
    strategy = Bare()
    talk = Talk(strategy)
    talk.bar(100.0)
    assert not strategy.buy("MSFT")
    assert codes(talk.core._seat.settle("")) == ["no_price"]


@pytest.mark.parametrize("quantity", [0, -1, float("nan"), "many", float("inf")])
def test_a_quantity_that_is_no_amount_is_an_error_of_the_author(quantity: float | str) -> None:
    strategy = Bare()
    Talk(strategy).bar(100.0)
    with pytest.raises(ValueError, match="a quantity is"):
        strategy.sell("AAPL", quantity)


def test_an_instance_knows_its_symbols_and_its_timeframe() -> None:
    strategy = Bare()
    Talk(strategy, Instance(id="s", book="main", symbols=("SPY",), timeframe="15m"))
    assert strategy.symbols == ("SPY",)
    assert strategy.timeframe == "15m"


def test_what_a_snapshot_would_lose_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="write on_start instead of __init__"):

        class Constructed(Strategy):
            def __init__(self) -> None:
                super().__init__()

    with pytest.raises(ConfigurationError, match="__slots__ hides state"):

        class Slotted(Strategy):
            __slots__ = ("hidden",)


def test_every_indicator_is_fed_before_on_bar_from_its_first_use_on() -> None:
    strategy = Bare()
    talk = Talk(strategy)
    strategy.sma("AAPL", 2)
    strategy.rsi("AAPL", 1)
    strategy.atr("AAPL", 1)
    strategy.macd("AAPL", 1, 2, 1)
    strategy.bollinger("AAPL", 2)
    for close in (100.0, 102.0):
        talk.bar(close)
    assert strategy.sma("AAPL", 2) == 101.0
    assert strategy.rsi("AAPL", 1) == 100.0
    assert strategy.atr("AAPL", 1) == 2.0
    assert strategy.macd("AAPL", 1, 2, 1).value == 1.0
    assert strategy.bollinger("AAPL", 2).upper == 103.0
