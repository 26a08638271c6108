"""The indicators against independent results for 502 daily quotes (facioquo, Apache-2.0)."""

import csv
import json
import math
from collections.abc import Callable

import pytest

from services.strategy.indicators import Atr, Bollinger, Ema, Macd, Rsi, Sma
from shared.domain.values import Timeframe
from shared.messages.market import Bar
from tests.real_data import real

REFERENCE = "reference/indicators_facioquo"
TOLERANCE = 1e-9


def quotes() -> list[Bar]:
    with real(f"{REFERENCE}/quotes/default.csv").open(encoding="utf-8-sig") as file:
        return [quote(row) for row in csv.DictReader(file)]


def quote(row: dict[str, str]) -> Bar:
    return Bar(
        symbol="SPY",
        timeframe=Timeframe.D1,
        start_ns=0,
        open=float(row["open"]),
        high=float(row["high"]),
        low=float(row["low"]),
        close=float(row["close"]),
        volume=float(row["volume"]),
    )


def results(name: str) -> list[dict[str, float | None]]:
    text = real(f"{REFERENCE}/results/{name}.standard.json").read_text(encoding="utf-8")
    rows: list[dict[str, float | None]] = json.loads(text)
    return rows


CASES: list[tuple[str, Callable[[], Sma | Ema | Rsi | Atr | Macd | Bollinger], dict[str, str]]] = [
    ("sma", lambda: Sma(20), {"sma": "value"}),
    ("ema", lambda: Ema(20), {"ema": "value"}),
    ("rsi", Rsi, {"rsi": "value"}),
    ("atr", Atr, {"atr": "value", "tr": "true_range"}),
    ("macd", Macd.of, {"macd": "value", "signal": "signal", "histogram": "histogram"}),
    ("bb", Bollinger, {"sma": "value", "upperBand": "upper", "lowerBand": "lower"}),
]


@pytest.mark.parametrize(("name", "make", "columns"), CASES, ids=[case[0] for case in CASES])
def test_every_value_equals_the_reference(
    name: str,
    make: Callable[[], Sma | Ema | Rsi | Atr | Macd | Bollinger],
    columns: dict[str, str],
) -> None:
    expected = results(name)
    indicator = make()
    compared = 0
    for bar, row in zip(quotes(), expected, strict=True):
        indicator.feed(bar)
        for column, attribute in columns.items():
            want, have = row[column], getattr(indicator, attribute)
            if want is None:
                assert math.isnan(have), (column, bar)
            else:
                assert have == pytest.approx(want, rel=TOLERANCE), column
                compared += 1
    assert compared > len(columns) * 400
