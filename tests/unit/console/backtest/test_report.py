"""What a backtest's report says is what the run says, in fewer points."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from console.backtest import report as reports
from console.backtest.engine import run
from console.backtest.honesty.costs import FACTORS, Cell, Sensitivity
from console.backtest.honesty.lookahead import Lookahead
from console.backtest.report import histogram, honesty_of, report_of
from console.backtest.statistics import statistics
from shared.domain.positions import SPLIT
from shared.messages.market import CorporateAction
from tests.backtests import desk_of, made_up_bars

MIDNIGHT_NS = 1_747_108_800_000_000_000  # 2025-05-13 in New York: the second session begins


def report(sessions: int = 3) -> dict[str, Any]:
    result = run(desk_of(), made_up_bars(sessions=sessions))
    found = statistics(result)
    document = {**result.document, "stats": found.document()}
    return read(report_of(result, found, document, {"strategies": {}}))


def read(document: dict[str, object]) -> dict[str, Any]:
    """Return what the page's script reads."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return found


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
    columns = ("x", "t", "equity", "drawdown", "benchmark")
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
    monkeypatch.setattr(reports, "FILLS_MAX", 10)
    monkeypatch.setattr(reports, "SYMBOLS_MAX", 2)
    told = report()["symbols"]
    assert (told["traded"], len(told["shown"])) == (3, 2)
    for one in told["shown"].values():
        assert len(one["fills"]["x"]) <= 10
        assert one["one_fill_in"] > 1
        assert len({quantity > 0 for quantity in one["fills"]["quantity"]}) == 2
        assert one["fills"]["x"] == sorted(one["fills"]["x"])


def test_the_trades_that_moved_the_account_most_are_told_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    every = report()["trades"]
    assert every["count"] == len(every["shown"]) > 5
    monkeypatch.setattr(reports, "TRADES_MAX", 5)
    largest = sorted(every["shown"], key=lambda one: -abs(one["profit"]))[:5]
    told = report()["trades"]
    assert (told["count"], len(told["shown"])) == (every["count"], 5)
    assert sorted(abs(one["profit"]) for one in told["shown"]) == sorted(
        abs(one["profit"]) for one in largest
    )
    ends = [one["exit"] for one in told["shown"] if one["exit"] is not None]
    assert ends == sorted(ends)


def test_what_the_honesty_tools_found_is_told_as_far_as_they_were_asked() -> None:
    assert honesty_of(None, None) == {}
    cells = [Cell(c, s, Decimal(10 * c + s), 1) for c in FACTORS for s in FACTORS]
    lookahead = Lookahead(3, [], [], ["a.py:1 opened b.csv"], is_repeatable=True)
    found = read(honesty_of(lookahead, Sensitivity(cells, 1.5, is_lost=False)))
    assert found["lookahead"]["is_clean"] is False
    assert "a.py:1 opened b.csv" in found["lookahead"]["told"][1]
    assert found["costs"]["profit"][2] == [20.0, 21.0, 22.0, 23.0]
    assert "1.5 times" in found["costs"]["told"]


def test_a_short_run_has_no_rolling_ratio_and_a_longer_one_has() -> None:
    assert report()["rolling"] is None
    rolling = report(45)["rolling"]
    assert rolling["sessions"] == 21
    assert len(rolling["date"]) == len(rolling["sharpe"]) == 45 - 21 + 1


def test_a_split_is_marked_where_it_cut_the_price() -> None:
    bars = made_up_bars(sessions=2)
    split = CorporateAction(symbol="AAA", kind=SPLIT, ratio=2.0, ex_date="2025-05-13")
    result = run(desk_of(), replace(bars, actions=((MIDNIGHT_NS, split),)))
    told = read(report_of(result, statistics(result), result.document, {}))
    shown = told["symbols"]["shown"]
    assert shown["AAA"]["splits"]["ratio"] == [2.0]
    (place,) = shown["AAA"]["splits"]["x"]
    times_ns = result.prices["AAA"].times_ns
    assert times_ns[place - 1] < MIDNIGHT_NS <= times_ns[place]
    assert shown["BBB"]["splits"] == {"x": [], "ratio": []}


def test_a_histogram_holds_every_value() -> None:
    values = np.array([1.0, 2.0, 2.0, 3.0, 10.0])
    found = histogram(values)
    assert found is not None
    counts = found["count"]
    assert isinstance(counts, list)
    assert sum(counts) == len(values)
    assert histogram(np.array([1.0])) is None
    assert histogram(np.array([1.0, 1.0])) is None
