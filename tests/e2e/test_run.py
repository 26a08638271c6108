"""The main job: files in, one JSON object out, through the real distributed desk."""

import json
import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from tests.e2e.conftest import SLICES, run_over
from tests.e2e.desk import Outcome, Workshop, tape_end, wait_until, write_bars

COUNTS = ("bars", "signals", "approved", "denied", "orders", "fills")


def test_a_run_prints_one_object_with_everything_in_it(undisturbed: Outcome) -> None:
    result = undisturbed.document
    assert result["bars"] == SLICES * 3
    assert all(isinstance(result[name], int) for name in COUNTS)
    assert result["signals"] == result["approved"] + result["denied"]
    assert result["fills"] > 10
    assert result["balanced"] is True
    assert Decimal(result["equity"]) > 0
    assert Decimal(result["cash"]) < 100_000
    assert all(Decimal(quantity) for quantity in result["positions"].values())
    assert result["tape"]["first"] == 1
    assert result["tape"]["last"] > result["bars"]
    assert result["seconds"] > 0


def test_the_same_input_gives_the_same_result(
    workshop: Workshop, bars: Path, undisturbed: Outcome
) -> None:
    # The file's name and place do not matter, what is in it does.
    copy = Path(shutil.copy(bars, workshop.path / "copy.csv"))
    assert workshop.run(*run_over(copy)).result == undisturbed.result


@pytest.mark.parametrize("service", ["risk", "data", "ledger"])
def test_a_killed_service_changes_nothing(
    workshop: Workshop, bars: Path, undisturbed: Outcome, service: str
) -> None:
    state = workshop.path / "state"
    running = workshop.start(*run_over(bars), "--state", str(state))
    try:
        halfway = undisturbed.document["tape"]["last"] // 2
        wait_until(lambda: tape_end(state) > halfway, 60, "the run did not get halfway")
        (victim,) = workshop.processes(f"services.{service}.main")
        victim.kill()
        out, err = running.communicate(timeout=90)
    finally:
        running.kill()
    assert Outcome(running.returncode, out, err).result == undisturbed.result


def test_a_finished_run_that_is_run_again_says_the_same(workshop: Workshop) -> None:
    short = write_bars(workshop.path / "short.csv", 60)
    state = ("--state", str(workshop.path / "state"))
    first = workshop.run(*run_over(short), *state)
    assert workshop.run(*run_over(short), *state).result == first.result


def test_a_strategy_from_outside_the_tree_trades(workshop: Workshop) -> None:
    (workshop.path / "my_pkg").mkdir()
    (workshop.path / "my_pkg" / "mine.py").write_text(
        "from services.strategy import Strategy\n\n\n"
        "class Often(Strategy):\n"
        "    every: int = 5\n\n"
        "    def on_start(self):\n"
        "        self.seen = 0\n\n"
        "    def on_bar(self, bar):\n"
        "        self.seen += 1\n"
        "        if self.seen % self.every == 0:\n"
        "            self.exit(bar.symbol) or self.buy(bar.symbol, 10)\n"
    )
    # A folder that is called like one of ours must not get in the way.
    (workshop.path / "shared").mkdir()
    (workshop.path / "shared" / "__init__.py").write_text("raise SystemExit('the wrong one')\n")
    short = write_bars(workshop.path / "short.csv", 60)
    outcome = workshop.run(
        *("up", "--data", str(short), "--until-done", "--json"),
        *("--strategy", "my_pkg.mine:Often", "--set", "every=7", "--symbols", "AAA,BBB"),
    )
    assert outcome.document["fills"] > 5
    assert set(outcome.document["positions"]) <= {"AAA", "BBB"}


def test_a_paced_run_ends_too(workshop: Workshop) -> None:
    short = write_bars(workshop.path / "short.csv", 60)
    outcome = workshop.run("up", "--data", str(short), "--until-done", "--speed", "3600x", "--json")
    assert outcome.document["bars"] == 180
    assert outcome.document["balanced"] is True
    assert "ema_crossover" in outcome.err


def test_ctrl_c_ends_a_run_at_once_and_leaves_nothing(workshop: Workshop, bars: Path) -> None:
    running = workshop.start(*run_over(bars), "--speed", "60x")
    wait_until(lambda: len(workshop.processes("services.")) == 5, 60, "the services did not start")
    running.terminate()
    out, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert not out


def test_without_json_the_result_is_for_people(workshop: Workshop) -> None:
    short = write_bars(workshop.path / "short.csv", 30)
    outcome = workshop.run("up", "--data", str(short), "--until-done")
    assert outcome.code == 0, outcome.err
    assert "balanced" in outcome.out
    with pytest.raises(json.JSONDecodeError):
        json.loads(outcome.out)
