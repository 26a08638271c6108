"""The map of a metric over two settings."""

from console.optimize.heat import heat_map
from console.optimize.space import Dimension, Settings
from console.optimize.study import Trial
from console.optimize.trials import Outcome

X, Y = Dimension("x", 1, 4, is_integer=True), Dimension("y", 0.0, 10.0)


def trial(settings: Settings, value: float | None) -> Trial:
    return Trial(0, settings, Outcome(value, 0.0, 0.0, 1))


def test_each_cell_holds_the_mean_of_its_trials() -> None:
    trials = [
        trial({"x": 1, "y": 0.0}, 1.0),
        trial({"x": 1, "y": 0.9}, 3.0),
        trial({"x": 4, "y": 10.0}, 7.0),
        trial({"x": 2, "y": 5.0}, None),
    ]

    found = heat_map((X, Y), trials)

    assert found is not None
    assert (found.x, found.y) == ("x", "y")
    assert found.x_from == [1, 2, 3, 4]
    assert found.y_from == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert found.rows[0] == [2.0, None, None, None]
    assert found.rows[9] == [None, None, None, 7.0]
    assert sum(value is not None for row in found.rows for value in row) == 2


def test_one_range_or_no_trial_makes_no_map() -> None:
    assert heat_map((X,), [trial({"x": 1}, 1.0)]) is None
    assert heat_map((X, Dimension("m", choices=("a", "b"))), [trial({"x": 1}, 1.0)]) is None
    assert heat_map((X, Y), []) is None


def test_bins_of_a_large_range_are_even_on_its_own_scale() -> None:
    large = Dimension("n", 1, 1_000, is_integer=True, is_log=True)
    found = heat_map((large, Y), [trial({"n": 1_000, "y": 1.0}, 1.0)])

    assert found is not None
    assert found.x_from[0] == 1
    assert found.x_from[5] == 32
    assert found.rows[1][9] == 1.0
