"""Reports in a real browser: they draw, nothing goes wrong, and a hostile name stays text."""

import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.e2e.desk import Workshop, write_bars

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
HOSTILE = "<img src=x onerror=alert>"


class Shown(NamedTuple):
    """A page after its script has run, and what the browser had to say about it."""

    dom: str
    told: list[str]

    @property
    def page(self) -> str:
        """What stands before the scripts: all that a reader sees."""
        return self.dom.partition("<script")[0]


@pytest.fixture
def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser here: one of {', '.join(BROWSERS)}")
    return found


@pytest.fixture
def bars(workshop: Workshop) -> str:
    path = workshop.path / "bars.csv"
    write_bars(path)
    path.write_text(path.read_text().replace("AAA", HOSTILE), encoding="utf-8")
    return str(path)


def test_a_browser_draws_the_report_and_runs_nothing_of_the_data(
    workshop: Workshop, browser: str, bars: str
) -> None:
    made = workshop.run(
        *("backtest", "--data", bars, "--strategy", "ema_crossover", "--check-costs"),
        *("--report", "r.html"),
    )
    assert made.code == 0, made.err
    shown = show(browser, workshop.path / "r.html")
    assert shown.told == []
    assert shown.page.count("<canvas") >= 2
    for title in ("Equity and drawdown", "Trades on price", "Costs", "By symbol", "Profit if"):
        assert title in shown.page
    assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in shown.page
    assert "<img" not in shown.page


def test_a_browser_draws_the_report_of_a_search(
    workshop: Workshop, browser: str, bars: str
) -> None:
    made = workshop.run(
        *("optimize", "--data", bars, "--strategy", "ema_crossover", "--trials", "6"),
        *("--space", "fast=5:20", "--space", "slow=30:60", "--metric", "total_return"),
        *("--jobs", "1", "--report", "s.html"),
    )
    assert made.code == 0, made.err
    shown = show(browser, workshop.path / "s.html")
    assert shown.told == []
    for title in ("Heat map of slow and fast", "Total return by setting", "All trials"):
        assert title in shown.page
    assert "Nothing was tested on data that the search had not seen" in shown.page


def show(browser: str, path: Path) -> Shown:
    """Open a page on a screen of a phone's width."""
    ended = subprocess.run(
        [
            *(browser, "--headless=new", "--no-sandbox", "--disable-gpu"),
            *("--window-size=390,844", "--virtual-time-budget=4000", "--enable-logging=stderr"),
            *(f"--user-data-dir={path.parent / 'profile'}", "--dump-dom", path.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return Shown(ended.stdout, [line for line in ended.stderr.splitlines() if "CONSOLE" in line])
