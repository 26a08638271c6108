"""Chaos in short: fixed seeds. `make chaos` has as many rounds as there is time for."""

import pytest

from tests.chaos.evidence import Evidence, differences
from tests.chaos.plan import CONSOLE, SERVERS, SERVICES, Act, Moment, plan_of
from tests.chaos.rounds import Arena

MINUTES = 120  # a third of a session
SERVERS_DIE = [
    Moment(0.2, (Act("kill", "nats", 0.0, 0.0), Act("kill", "data", 0.3, 0.0))),
    Moment(0.6, (Act("kill", "postgres", 0.0, 0.0), Act("stop", "risk", 0.0, 1.0))),
]
CONSOLE_DIES = [
    Moment(0.1, (Act("kill", "execution", 0.0, 0.0),)),
    Moment(0.5, (Act("kill", CONSOLE, 0.0, 0.0),)),
    Moment(0.9, (Act("stop", "nats", 0.0, 0.5), Act("kill", "ledger", 0.2, 0.0))),
]


@pytest.fixture(scope="module")
def arena(tmp_path_factory: pytest.TempPathFactory) -> Arena:
    """The undisturbed run is made once."""
    return Arena(tmp_path_factory.mktemp("chaos"), MINUTES)


@pytest.mark.parametrize("plan", [SERVERS_DIE, CONSOLE_DIES], ids=["servers", "console"])
def test_a_disturbed_desk_leaves_what_an_undisturbed_one_leaves(
    arena: Arena, plan: list[Moment]
) -> None:
    verdict = arena.play(1, plan)
    assert not verdict.faults
    assert len(verdict.acts) == sum(len(moment.acts) for moment in plan)
    assert not any("not there" in act for act in verdict.acts)


def test_what_is_lost_twice_or_different_is_named() -> None:
    calm = Evidence({"fills": 2}, [(1, "a"), (2, "b")], {"fills": [(1,), (2,)]}, [])
    assert not differences(calm, calm)
    lost = calm._replace(tape=[(1, "a")])
    assert differences(calm, lost) == ["tape has 1 rows, not 2"]
    twice = calm._replace(tables={"fills": [(1,), (1,), (2,)]})
    assert differences(calm, twice)[0] == "table fills has 3 rows, not 2"
    other = calm._replace(result={"fills": 3}, faults=["the chain breaks"])
    assert differences(calm, other) == [
        "the chain breaks",
        'the result was {"fills": 3}, not {"fills": 2}',
    ]


def test_a_seed_means_one_plan_and_many_seeds_meet_everybody() -> None:
    assert plan_of(1) == plan_of(1) != plan_of(2)
    met = {act.target for seed in range(20) for moment in plan_of(seed) for act in moment.acts}
    assert met == {*SERVICES, *SERVERS, CONSOLE}
