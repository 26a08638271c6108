import pytest

from services.strategy.builtin.crossover import EmaCrossover, SmaCrossover
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.domain.errors import ConfigurationError
from shared.domain.values import Intent, Side
from tests.unit.services.strategy.talk import Talk, signal_in, signals

KINDS = (EmaCrossover, SmaCrossover)


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_long_while_the_fast_average_is_above_and_flat_while_below(
    kind: type[EmaCrossover] | type[SmaCrossover],
) -> None:
    talk = Talk(kind(fast=1, slow=3))
    assert [talk.bar(close) for close in (100.0, 100.0, 100.0)] == [(), (), ()]
    entry = talk.bar(103.0)
    assert signals(entry) == [(Side.BUY, Intent.OPEN)]
    assert signal_in(entry).values["fast"] == 103.0
    talk.fill(signal_in(entry))
    assert talk.bar(104.0) == ()
    leave = talk.bar(90.0)
    assert signals(leave) == [(Side.SELL, Intent.CLOSE)]
    talk.fill(signal_in(leave))
    assert talk.bar(80.0) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_it_says_nothing_before_the_slow_average_exists(
    kind: type[EmaCrossover] | type[SmaCrossover],
) -> None:
    talk = Talk(kind(fast=1, slow=4))
    assert [talk.bar(close) for close in (1.0, 50.0, 100.0)] == [(), (), ()]


def test_symbols_do_not_mix() -> None:
    talk = Talk(EmaCrossover(fast=1, slow=2))
    for symbol, close in (("A", 10.0), ("B", 500.0), ("A", 9.0), ("B", 400.0)):
        assert signals(talk.bar(close, symbol=symbol)) == []


def test_what_risk_denied_is_asked_again_while_the_averages_stand_so() -> None:
    talk = Talk(EmaCrossover(fast=1, slow=2))
    talk.bar(100.0)
    talk.deny(signal_in(talk.bar(101.0)))
    assert signals(talk.bar(102.0)) == [(Side.BUY, Intent.OPEN)]


def test_periods_that_cannot_cross_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="fast must be below slow, was 20 and 20"):
        StrategyCore(Instance(id="s", book="main"), EmaCrossover(fast=20))
    with pytest.raises(ConfigurationError, match="parameter fast = 0"):
        SmaCrossover(fast=0)
