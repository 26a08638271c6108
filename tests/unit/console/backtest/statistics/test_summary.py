"""Statistics of runs: made up by hand, and of real ones."""

import json
from decimal import Decimal

import numpy as np
import pytest

from console.backtest.engine import run
from console.backtest.result import Curve, Fill, Prices, Result
from console.backtest.statistics import statistics
from services.data.files.source import FileSource
from shared.domain.values import Intent, Side
from tests.backtests import desk_of, made_up_bars
from tests.real_data import real

DAY_NS = 86_400_000_000_000
DATES = ["2025-05-12", "2025-05-13", "2025-06-02"]


def result(
    equity: list[float], session: list[int], fills: list[Fill] | None = None, **more: object
) -> Result:
    times = np.arange(1, len(equity) + 1, dtype=np.int64) * DAY_NS
    values = np.array(equity)
    given: dict[str, object] = {
        "document": {},
        "starting_cash": Decimal(100),
        "currency": "USD",
        "curve": Curve(
            times_ns=times, equity=values, cash=values, gross=np.zeros(len(equity)),
            session=np.array(session, np.int32), sessions=DATES,
        ),
        "prices": {"AAA": Prices(times_ns=times, close=np.linspace(10, 11, len(equity)))},
        "fills": fills or [],
        **more,
    }  # fmt: skip
    return Result(**given)  # type: ignore[arg-type]


def test_a_session_counts_at_its_end_and_the_last_one_to_the_end_of_the_run() -> None:
    stats = statistics(result([101, 102, 103, 104, 106, 105], [0, 0, -1, 1, 2, -1]))

    assert stats.dates == DATES
    assert stats.returns.tolist() == pytest.approx([0.02, 104 / 102 - 1, 105 / 104 - 1])
    found = stats.document()
    assert found["total_return"] == pytest.approx(0.05)
    assert found["monthly"] == pytest.approx({"2025-05": 0.04, "2025-06": 105 / 104 - 1})
    assert found["max_drawdown"] == pytest.approx(105 / 106 - 1)


@pytest.mark.parametrize(
    ("equity", "session"), [([], []), ([100.0], [0]), ([100.0, 100.0], [0, 1]), ([-5.0], [0])]
)
def test_a_run_without_anything_has_a_document_without_nonsense(
    equity: list[float], session: list[int]
) -> None:
    found = statistics(result(equity, session)).document()

    json.dumps(found, allow_nan=False)
    assert found["sharpe"] is None
    assert found["trades"] == 0
    assert found["win_rate"] is None


def fill(at: int, side: Side, price: float, **more: object) -> Fill:
    given = {
        "seq": at, "ts_ns": at * DAY_NS, "strategy_id": "s", "order_id": f"o{at}", "symbol": "AAA",
        "side": side, "intent": Intent.OPEN, "quantity": Decimal(10), "price": Decimal(str(price)),
        "fees": Decimal(2), **more,
    }  # fmt: skip
    return Fill(**given)  # type: ignore[arg-type]


def test_costs_are_told_by_kind_and_slippage_against_the_price_at_the_order() -> None:
    fills = [
        fill(1, Side.BUY, 10.1, reference=10.0, fee_parts={"commission": Decimal(1)}),
        fill(
            2,
            Side.SELL,
            10.4,
            reference=10.5,
            fee_parts={"commission": Decimal(1), "sec": Decimal(1)},
        ),
    ]
    run_of = result([99, 98, 99], [0, 1, 2], fills, charges={"borrow": Decimal(3)})

    found = statistics(run_of).document()

    assert found["costs"] == pytest.approx(
        {"commission": 2, "other_fees": 1, "sec": 1, "borrow": 3, "slippage": 2, "total": 9}
    )
    assert found["trades"] == 1
    assert found["expectancy"] == pytest.approx(3.0 - 4.0)
    assert found["by_symbol"] == {
        "AAA": pytest.approx({"profit": -1, "fees": 4, "trades": 1, "win_rate": 0})
    }


def test_a_handful_of_trades_is_doubted() -> None:
    fills = [fill(1, Side.BUY, 10.0), fill(2, Side.SELL, 11.0), fill(3, Side.BUY, 10.0)]

    said = " ".join(statistics(result([1, 2, 3], [0, 1, 2], fills, is_complete=False)).warnings)

    assert "interrupted" in said
    assert "rest on 1 closed trades" in said
    assert "3 sessions were played" in said
    assert "1 position is still open" in said


def test_the_benchmark_is_held_from_the_first_close() -> None:
    found = statistics(result([100, 101, 102], [0, 1, 2]), benchmark="AAA").document()

    assert isinstance(found["benchmark"], dict)
    assert found["benchmark"]["total_return"] == pytest.approx(0.1)
    assert found["benchmark"]["name"] == "AAA"
    with pytest.raises(KeyError):
        statistics(result([100], [0]), benchmark="ZZZ").document()


def test_the_numbers_of_a_real_run_agree_with_its_books() -> None:
    source = FileSource([real("bars_1min/yahoo_2025-05.parquet")])
    found = run(desk_of(), source)
    stats = statistics(found)
    document = stats.document()

    equity = float(str(found.document["equity"]))
    assert document["profit"] == pytest.approx(equity - 100_000, abs=0.01)
    assert document["total_return"] == pytest.approx(equity / 100_000 - 1)
    profits = sum(trade.profit for trade in stats.trades)
    assert profits == pytest.approx(equity - 100_000, abs=0.02)
    assert isinstance(document["by_strategy"], dict)
    assert document["by_strategy"]["ema_crossover"]["profit"] == pytest.approx(profits)
    json.dumps(document, allow_nan=False)


def test_a_run_of_made_up_bars_has_costs_and_exposure() -> None:
    document = statistics(run(desk_of(), made_up_bars())).document()

    assert isinstance(document["costs"], dict)
    assert document["costs"]["commission"] > 0
    assert document["costs"]["slippage"] > 0
    assert 0 < document["time_in_market"] <= 1  # type: ignore[operator]
    assert document["turnover"] > 0  # type: ignore[operator]
