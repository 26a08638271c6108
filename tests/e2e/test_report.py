"""A report in a real browser: it draws, and what a file calls a symbol stays text."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.desk import Workshop, write_bars

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def test_a_browser_draws_the_report_and_runs_nothing_of_the_data(workshop: Workshop) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        pytest.skip(f"no browser here: one of {', '.join(BROWSERS)}")
    bars = workshop.path / "bars.csv"
    write_bars(bars)
    hostile = "<img src=x onerror=document.title='owned'>"
    bars.write_text(bars.read_text().replace("AAA", hostile[:24]), encoding="utf-8")
    made = workshop.run(
        "backtest", "--data", str(bars), "--strategy", "ema_crossover", "--report", "r.html"
    )
    assert made.code == 0, made.err
    shown = dom(browser, workshop.path / "r.html")
    assert shown.count("<canvas") >= 2
    assert "Equity and drawdown" in shown
    assert "Trades on price" in shown
    assert "&lt;img src=x" in shown
    assert "<img src=x" not in shown.partition("<script")[0]


def dom(browser: str, path: Path) -> str:
    """Return the page as it stands after its script has run."""
    options = ("--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=4000")
    profile = f"--user-data-dir={path.parent / 'profile'}"
    ended = subprocess.run(
        [browser, *options, profile, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return ended.stdout
