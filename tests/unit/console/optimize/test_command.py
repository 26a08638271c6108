"""The optimize command on made-up files, in two processes."""

import json

import pytest

from console.optimize.command import Wanted, optimize
from console.plan import StrategyChoice, UpOptions
from shared.domain.errors import ConfigurationError
from tests.e2e.desk import write_bars

CROSSOVER = StrategyChoice("ema_crossover", {})
SPACE = ("fast=2:9", "slow=12:40")


@pytest.fixture(scope="module")
def options(tmp_path_factory: pytest.TempPathFactory) -> UpOptions:
    path = write_bars(tmp_path_factory.mktemp("bars") / "bars.csv", minutes=900, symbols=("AAA",))
    return UpOptions(data=(path,), strategies=(CROSSOVER,))


def test_trials_are_run_and_judged_on_what_came_after(
    options: UpOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = Wanted(space=SPACE, trials=6, jobs=2, folds=1, as_json=True)

    assert optimize(options, wanted) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["trials"]) == 6
    assert len(told["out_of_sample"]) == 1
    assert told["out_of_sample"][0]["settings"].keys() == {"fast", "slow"}
    assert told["heat_map"]["x"] == "fast"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (Wanted(), "--space says what to vary"),
        (Wanted(("fast=2:9", "fast=3:4")), "names one setting twice"),
        (Wanted(("fats=2:9",)), "fats"),
        (Wanted(SPACE, metric="luck"), "--metric luck: one of sharpe"),
        (Wanted(SPACE, folds=9), "10 sessions are needed"),
        (Wanted(SPACE, from_text="2030-01-01"), "leave no bar"),
    ],
)
def test_a_search_that_cannot_be_made_is_refused_before_it_begins(
    options: UpOptions, wanted: Wanted, text: str
) -> None:
    with pytest.raises(ConfigurationError, match=text):
        optimize(options, wanted)


def test_what_a_strategy_refuses_is_an_outcome_with_its_reason(
    options: UpOptions, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = Wanted(space=("fast=20:22", "slow=12:14"), trials=2, jobs=1)

    with pytest.raises(ConfigurationError, match="fast"):
        optimize(options, wanted)
    assert capsys.readouterr().out == ""
