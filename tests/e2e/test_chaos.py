"""Chaos in short: fixed seeds. `make chaos` has as many rounds as there is time for."""

import pytest

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


def test_a_seed_means_one_plan_and_many_seeds_meet_everybody() -> None:
    assert plan_of(1) == plan_of(1) != plan_of(2)
    met = {act.target for seed in range(20) for moment in plan_of(seed) for act in moment.acts}
    assert met == {*SERVICES, *SERVERS, CONSOLE}
