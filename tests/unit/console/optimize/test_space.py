"""What may be varied, as a person writes it."""

import math

import optuna
import pytest

from console.optimize.space import Dimension, Value, parse_dimension, settled
from services.strategy.config import StrategySettings
from shared.domain.errors import ConfigurationError
from tests.backtests import desk_of


@pytest.mark.parametrize(
    ("text", "expected", "size"),
    [
        ("fast=5:50", Dimension("fast", 5, 50, None, is_integer=True), 46),
        ("fast=5:50:5", Dimension("fast", 5, 50, 5, is_integer=True), 10),
        ("stop=0.1:2", Dimension("stop", 0.1, 2), math.inf),
        ("stop=0.5:2:0.5", Dimension("stop", 0.5, 2, 0.5), 4),
        ("risk.x=1:100:log", Dimension("risk.x", 1, 100, is_integer=True, is_log=True), 100),
        ("mode=slow,fast", Dimension("mode", choices=("slow", "fast")), 2),
        ("n=1,2.5,x", Dimension("n", choices=(1, 2.5, "x")), 3),
    ],
)
def test_a_range_or_a_choice_is_read(text: str, expected: Dimension, size: float) -> None:
    assert parse_dimension(text) == expected
    assert expected.size == size


@pytest.mark.parametrize(
    "text",
    ["", "fast", "fast=", "=1:2", "fast=5", "fast=9:5", "fast=a:b", "x=1:2:0", "x=1:2:3:4",
     "x=0:5:log", "x=1,", "x=1:2:-1"],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--space .*is expected, as in --space fast=5:50"):
        parse_dimension(text)


@pytest.mark.parametrize("text", ["a=5:50", "a=1:9:2", "a=0.1:2", "a=1:100:log", "a=x,y", "a=1,2"])
def test_a_trial_stays_within_its_dimension(text: str) -> None:
    dimension = parse_dimension(text)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(20):
        value: Value = dimension.suggest(study.ask())
        if dimension.choices:
            assert value in dimension.choices
        else:
            assert dimension.low <= float(value) <= dimension.high
            assert isinstance(value, int) == dimension.is_integer


def test_settings_reach_every_strategy_one_of_them_or_risk() -> None:
    one = StrategySettings(use="ema_crossover", active=True, params={"slow": 30})
    desk = desk_of({"a": one, "b": one})

    changed = settled(desk, {"fast": 7, "b.slow": 40, "risk.position_fraction": 0.02})

    assert changed.strategies["a"].params == {"slow": 30, "fast": 7}
    assert changed.strategies["b"].params == {"slow": 40, "fast": 7}
    assert float(changed.risk.position_fraction) == 0.02
    assert desk.strategies["a"].params == {"slow": 30}


def test_what_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="'c' is none of ema_crossover, risk"):
        settled(desk_of(), {"c.fast": 1})
    with pytest.raises(ConfigurationError, match="--space risk: "):
        settled(desk_of(), {"risk.position_fraction": 7})
