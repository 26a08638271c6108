"""Fixtures of the end-to-end tests."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from console import cli
from tests.e2e.desk import Outcome, Workshop, write_bars

SLICES = 400  # a session and the first minutes of the next
STRATEGIES = (
    *("--strategy", "ema_crossover", "--set", "fast=3", "--set", "slow=8"),
    *("--strategy", "opening_range_breakout"),
)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """A folder for commands; nothing may be left of them."""
    made = Workshop(tmp_path)
    yield made
    made.assert_nothing_is_left()


@pytest.fixture
def refused(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Run a command in this process: for what is refused before anything is started."""

    def run(*arguments: str, **environment: str) -> Outcome:
        monkeypatch.chdir(workshop.path)
        monkeypatch.setattr("tempfile.tempdir", str(workshop.temporary))
        monkeypatch.setattr(sys, "argv", ["tapedeck", *arguments])
        for name in ("TAPEDECK_CONFIG", "TAPEDECK_PROFILE", "TAPEDECK_STATE"):
            monkeypatch.setenv(name, "")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return Outcome(int(str(end.value.code)), out, err)

    return run


@pytest.fixture(scope="session")
def bars(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of three symbols over a session and a bit."""
    return write_bars(tmp_path_factory.mktemp("bars") / "bars.csv", SLICES)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, bars: Path) -> Outcome:
    """A run over `bars` with two strategies, to compare others with."""
    workshop = Workshop(tmp_path_factory.mktemp("undisturbed"))
    outcome = workshop.run(*run_over(bars))
    workshop.assert_nothing_is_left()
    return outcome


def run_over(path: Path) -> tuple[str, ...]:
    """Return the arguments of the run that the tests compare."""
    return ("up", "--data", str(path), "--until-done", "--json", *STRATEGIES)
