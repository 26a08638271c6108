"""A search proposes in batches, repeats itself, and finds the top of a hill."""

from console.optimize.study import ranked, search
from tests.unit.console.optimize.parabola import Parabola, wanted

SPAN = (1, 9)


def test_the_same_seed_proposes_the_same_settings() -> None:
    one, again = (list(search(wanted(), Parabola(), SPAN)) for _ in range(2))
    other = list(search(wanted(seed=2), Parabola(), SPAN))

    assert one == again
    assert [trial.number for trial in one] == list(range(60))
    assert one != other


def test_it_finds_the_top() -> None:
    best = ranked(list(search(wanted(), Parabola(), SPAN)))[0]

    assert abs(int(best.settings["x"]) - 13) <= 1
    assert (best.outcome.value or -99.0) > -3


def test_no_more_run_at_once_than_jobs_and_nothing_twice() -> None:
    farm = Parabola()
    list(search(wanted(trials=30, jobs=4), farm, SPAN))

    assert max(farm.batches) <= 4
    keys = [tuple(task.settings.values()) for task in farm.tasks]
    assert len(set(keys)) == len(keys)
    assert {(task.from_ns, task.until_ns) for task in farm.tasks} == {SPAN}


def test_settings_that_are_refused_are_not_ranked() -> None:
    trials = list(search(wanted(trials=40), Parabola(), SPAN))

    assert any(trial.outcome.why == "too small" for trial in trials)
    order = [trial.outcome.value for trial in ranked(trials)]
    assert None not in order
    assert order == sorted(order, key=lambda value: -(value or 0.0))
