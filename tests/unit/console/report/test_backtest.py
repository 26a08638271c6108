"""What a backtest's report says is what the run says, in fewer points."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest

from console.backtest.engine import run
from console.backtest.statistics import statistics
from console.report import backtest
from console.report.backtest import histogram, report_of
from tests.backtests import desk_of, made_up_bars


def report(sessions: int = 3) -> dict[str, Any]:
    result = run(desk_of(), made_up_bars(sessions=sessions))
    found = statistics(result)
    document = {**result.document, "stats": found.document()}
    made = report_of(result, found, document, {"strategies": {}})
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(made))
    return decoded


def test_the_curve_begins_and_ends_with_the_account() -> None:
    told = report()
    curve = told["curve"]
    assert curve["equity"][0] == told["starting_cash"] == 100_000
    assert Decimal(str(curve["equity"][-1])) == Decimal(told["document"]["equity"]).quantize(
        Decimal("0.01")
    )
    assert min(curve["drawdown"]) == pytest.approx(
        told["document"]["stats"]["max_drawdown"], abs=1e-6
    )
    columns = ("x", "t", "equity", "drawdown", "invested", "benchmark")
    assert len({len(curve[name]) for name in columns}) == 1


def test_every_fill_stands_at_its_bar() -> None:
    told = report()
    shown = told["symbols"]["shown"]
    assert set(shown) == {"AAA", "BBB", "CCC"}
    assert sum(len(one["fills"]["x"]) for one in shown.values()) == told["document"]["fills"]
    for one in shown.values():
        by_place = dict(zip(one["x"], one["t"], strict=True))
        for x, t in zip(one["fills"]["x"], one["fills"]["t"], strict=True):
            assert by_place.get(x, t) >= t


def test_many_fills_are_thinned_and_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest, "FILLS_MAX", 10)
    monkeypatch.setattr(backtest, "SYMBOLS_MAX", 2)
    told = report()["symbols"]
    assert (told["traded"], len(told["shown"])) == (3, 2)
    for one in told["shown"].values():
        assert len(one["fills"]["x"]) <= 10
        assert one["one_fill_in"] > 1


def test_a_short_run_has_no_rolling_ratio_and_a_longer_one_has() -> None:
    assert report()["rolling"] is None
    rolling = report(45)["rolling"]
    assert rolling["sessions"] == 21
    assert len(rolling["date"]) == len(rolling["sharpe"]) == 45 - 21 + 1


def test_a_histogram_holds_every_value() -> None:
    values = np.array([1.0, 2.0, 2.0, 3.0, 10.0])
    found = histogram(values)
    assert found is not None
    counts = found["count"]
    assert isinstance(counts, list)
    assert sum(counts) == len(values)
    assert histogram(np.array([1.0])) is None
    assert histogram(np.array([1.0, 1.0])) is None
