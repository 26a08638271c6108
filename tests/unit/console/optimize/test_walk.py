"""Walking forward: the past never sees what it is judged on."""

from itertools import pairwise

import numpy as np
import pytest

from console.backtest.timeline import Timeline
from console.optimize.study import Trial
from console.optimize.walk import folds_of, joined_sharpe, walk
from shared.domain.errors import ConfigurationError
from tests.backtests import made_up_bars
from tests.unit.console.optimize.parabola import Parabola, wanted

TIMELINE = Timeline(made_up_bars(("AAA",), sessions=6, gaps=0.0))


@pytest.mark.parametrize("is_rolling", [False, True])
def test_every_block_but_the_first_is_tested_once_on_what_came_before(is_rolling: bool) -> None:
    folds = folds_of(TIMELINE, 3, is_rolling=is_rolling)

    assert len(folds) == 3
    assert all(fold.train[1] < fold.test[0] for fold in folds)
    assert all(one.test[1] < next_one.test[0] for one, next_one in pairwise(folds))
    starts = {fold.train[0] for fold in folds}
    assert len(starts) == (3 if is_rolling else 1)
    tested = [
        np.unique(TIMELINE.session[(TIMELINE.ts_ns >= a) & (TIMELINE.ts_ns <= b)]) for a, b in
        (fold.test for fold in folds)
    ]  # fmt: skip
    held = {int(place) for block in tested for place in block if place >= 0}
    assert held == {2, 3, 4, 5}


def test_too_few_sessions_are_refused_with_their_number() -> None:
    with pytest.raises(ConfigurationError, match=r"7 sessions are needed at least, .* hold 6"):
        folds_of(TIMELINE, 6, is_rolling=False)


def test_the_best_of_the_past_is_what_is_tested() -> None:
    farm = Parabola()
    told: list[Trial] = []
    folds = folds_of(TIMELINE, 2, is_rolling=False)

    steps = list(walk(wanted(trials=20), farm, folds, told.append))

    assert [step.fold for step in steps] == folds
    for step in steps:
        assert step.inside == step.outside, "the hill is the same in the past and afterwards"
        tests = [t for t in farm.tasks if (t.from_ns, t.until_ns) == step.fold.test]
        assert [task.settings for task in tests] == [step.settings]
    assert len(told) == 40
    assert joined_sharpe(steps) is not None
    assert joined_sharpe([]) is None
