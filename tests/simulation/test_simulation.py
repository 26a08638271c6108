"""A short simulation for CI, and the promise that a seed says everything."""

import os
import subprocess
import sys
import time

import pytest

from services.data.files.source import FileSource
from tests.real_data import ROOT, real
from tests.simulation.__main__ import show
from tests.simulation.rounds import Verdict, judge
from tests.simulation.world import World

FIRST = 1
SECONDS = 12.0
ROUNDS_MIN = 20  # also on a machine that is busy with something else


def test_every_invariant_holds_in_every_round() -> None:
    ends_s = time.monotonic() + SECONDS
    seed = FIRST
    kinds: dict[str, int] = {}
    while time.monotonic() < ends_s or seed < FIRST + ROUNDS_MIN:
        verdict = judge(seed)
        story = "\n".join(verdict.story[-40:])
        again = f"make simulate SEED={seed} ROUNDS=1"
        assert not verdict.faults, f"{verdict.faults}\n{story}\n{again}"
        for kind, count in verdict.counts.items():
            kinds[kind] = kinds.get(kind, 0) + count
        seed += 1
    # A simulation in which nothing goes wrong proves nothing.
    for kind in ("crash", "power cut", "took over", "fence lost", "publish tried again"):
        assert kinds.get(kind), f"no {kind} in {seed - FIRST} rounds"


SEEDED = "from tests.simulation.rounds import judge; v = judge({}); print(v.digest, len(v.story))"


@pytest.mark.parametrize("seed", [3, 28])
def test_a_seed_gives_the_same_tape_in_any_process(seed: int) -> None:
    said = set()
    for hash_seed in ("1", "77"):
        ran = subprocess.run(
            [sys.executable, "-c", SEEDED.format(seed)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        said.add(ran.stdout)
    here = judge(seed)
    assert said == {f"{here.digest} {len(here.story)}\n"}


def test_rounds_differ() -> None:
    worlds = [World(seed) for seed in range(40)]
    assert {world.is_live for world in worlds} == {False, True}
    assert len({len(world.parts) for world in worlds}) > 5
    assert len({tuple(world.desk.strategies) for world in worlds}) > 3


def test_a_failing_round_prints_the_command_that_plays_it_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show(Verdict(41, ["INV-FILL at 7: twice"], ["0.1 s  risk.main#1: killed"], {}, 9, "abc"))
    said = capsys.readouterr().out
    assert "INV-FILL at 7" in said
    assert "risk.main#1: killed" in said
    assert said.endswith("make simulate SEED=41 ROUNDS=1\n")


def test_instances_of_one_release_do_not_supersede_each_other() -> None:
    assert not any(judge(seed).counts.get("superseded") for seed in range(1, 80))


def test_every_invariant_holds_on_real_bars() -> None:
    parts = list(FileSource([real("bars_1min/yahoo_2025-05.parquet")]).slices(-1))
    for seed in range(12):
        world = World(seed)
        begin = world.draw.randrange(len(parts) - 30)
        world.parts = parts[begin : begin + 30]
        verdict = judge(seed, world)
        assert not verdict.faults, (seed, begin, verdict.faults, verdict.story[-20:])
