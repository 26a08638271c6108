"""A backtest as the document of its report: figures as they are, curves in fewer points."""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from itertools import chain

import numpy as np

from console.backtest.honesty.costs import FACTORS, Sensitivity
from console.backtest.honesty.lookahead import Lookahead
from console.backtest.result import Fill, Floats, Prices, Result, Times
from console.backtest.statistics import Statistics
from console.backtest.statistics.drawdown import underwater
from console.backtest.statistics.trades import Trade
from console.backtest.summary import lookahead_lines, sensitivity_sentence
from console.report.thin import Places, extremes
from shared.domain.values import Side

CURVE_POINTS = 4_000
PRICE_POINTS = 2_500  # a symbol
SYMBOLS_MAX = 24
FILLS_MAX = 2_000  # a symbol
TRADES_MAX = 500
ROLLING = (63, 21)  # sessions: a quarter, or a month for short runs
BINS_MAX = 60
MS = 1_000_000


def report_of(
    result: Result,
    found: Statistics,
    document: Mapping[str, object],
    settings: Mapping[str, object],
) -> dict[str, object]:
    """Return JSON values. `document` is what `--json` prints, `settings` what the run was told.

    Times are milliseconds since 1970, UTC; every curve has the places of its points on the axis of
    slices (`x`), their times (`t`) and one list for each value.
    """
    start = float(result.starting_cash)
    return {
        "kind": "backtest",
        "currency": result.currency,
        "starting_cash": start,
        "document": document,
        "settings": settings,
        "curve": _curve(result, found, start),
        "rolling": _rolling(found),
        "returns": histogram(found.returns),
        "profits": histogram(np.array([one.profit for one in found.trades if not one.is_open])),
        "trades": _trades(found.trades),
        "symbols": _symbols(result),
    }


def honesty_of(lookahead: Lookahead | None, sensitivity: Sensitivity | None) -> dict[str, object]:
    """Return what the honesty tools found, as far as they were asked."""
    found: dict[str, object] = {}
    if lookahead is not None:
        told = list(lookahead_lines(lookahead))
        found["lookahead"] = {"is_clean": lookahead.is_clean, "told": told}
    if sensitivity is not None:
        profits = [[float(sensitivity.profit(c, s)) for s in FACTORS] for c in FACTORS]
        sentence = sensitivity_sentence(sensitivity)
        found["costs"] = {"factors": FACTORS, "profit": profits, "told": sentence}
    return found


def histogram(values: Floats) -> dict[str, object] | None:
    """Return bins of equal width: where each begins, the width, and how many values it holds.

    By the rule of Freedman and Diaconis (1981), at most BINS_MAX bins. None for fewer than two
    values.
    """
    if len(values) < 2 or not np.ptp(values):
        return None
    count = min(max(len(np.histogram_bin_edges(values, "fd")) - 1, 5), BINS_MAX)
    held, edges = np.histogram(values, count)
    width = float(edges[1] - edges[0])
    return {"from": edges[:-1].tolist(), "width": width, "count": held.tolist()}


def _curve(result: Result, found: Statistics, start: float) -> dict[str, object]:
    curve = result.curve
    below = underwater(curve.equity, start)
    # The extremes of both: the deepest point below a peak need not be an extreme of the account.
    places = np.union1d(
        extremes(curve.equity, CURVE_POINTS // 2), extremes(below, CURVE_POINTS // 2)
    )
    points = _points(places, curve.times_ns)
    held = found.benchmark_value(curve.times_ns[places])
    return points | {
        "equity": np.round(curve.equity[places], 2).tolist(),
        "drawdown": np.round(below[places], 6).tolist(),
        "benchmark": None if held is None else np.round(held * start, 2).tolist(),
        "benchmark_name": found.benchmark_name,
    }


def _rolling(found: Statistics) -> dict[str, object] | None:
    """Return the Sharpe ratio of the sessions before each; None for a run of a few weeks."""
    sessions = next((n for n in ROLLING if len(found.dates) >= 2 * n), None)
    if sessions is None:
        return None
    sharpe = found.rolling_sharpe(sessions)
    places = extremes(np.nan_to_num(sharpe), CURVE_POINTS // 4)
    dates = found.dates[sessions - 1 :]
    return {
        "sessions": sessions,
        "date": [dates[place] for place in places.tolist()],
        "sharpe": np.round(sharpe[places], 3).tolist(),
    }


def _trades(trades: Sequence[Trade]) -> dict[str, object]:
    """Return the round trips that moved the account most, in the order of their ends."""
    ranked = nlargest(TRADES_MAX, range(len(trades)), key=lambda i: abs(trades[i].profit))
    return {"count": len(trades), "shown": [_trade(trades[i]) for i in sorted(ranked)]}


def _trade(one: Trade) -> dict[str, object]:
    return {
        "strategy": one.strategy_id,
        "symbol": one.symbol,
        "is_long": one.is_long,
        "quantity": one.quantity,
        "entry": one.entry_ns // MS,
        "entry_price": one.entry_price,
        "exit": None if one.is_open else one.exit_ns // MS,
        "exit_price": one.exit_price,
        "profit": round(one.profit, 2),
        "fees": round(one.fees, 2),
    }


def _symbols(result: Result) -> dict[str, object]:
    """Return closes and fills of the symbols that were traded most."""
    fills: dict[str, list[Fill]] = {}
    for fill in result.fills:
        fills.setdefault(fill.symbol, []).append(fill)
    ranked = sorted(fills, key=lambda symbol: -len(fills[symbol]))
    shown = {one: _symbol(result.prices[one], fills[one]) for one in ranked[:SYMBOLS_MAX]}
    return {"traded": len(fills), "shown": shown}


def _symbol(prices: Prices, fills: Sequence[Fill]) -> dict[str, object]:
    places = extremes(prices.close, PRICE_POINTS)
    told, step = _thinned(fills)
    at_ns = np.array([fill.ts_ns for fill in told], np.int64)
    splits = [ts_ns for ts_ns, _ in prices.splits]
    return _points(places, prices.times_ns) | {
        "close": prices.close[places].tolist(),
        "splits": {
            "x": np.searchsorted(prices.times_ns, splits).tolist(),
            "ratio": [ratio for _, ratio in prices.splits],
        },
        "fills_count": len(fills),
        "one_fill_in": step,
        "fills": {
            "x": np.searchsorted(prices.times_ns, at_ns).tolist(),
            "t": (at_ns // MS).tolist(),
            "price": [float(fill.price) for fill in told],
            "quantity": [float(fill.quantity) * fill.side.sign for fill in told],
            "strategy": [fill.strategy_id for fill in told],
        },
    }


def _thinned(fills: Sequence[Fill]) -> tuple[Sequence[Fill], int]:
    """Return at most FILLS_MAX fills, one in `step` of each side: every second one of a strategy
    that buys and sells in turn would be all purchases.
    """
    if len(fills) <= FILLS_MAX:
        return fills, 1
    step = -(-len(fills) // (FILLS_MAX - 2))  # a side may round up
    sides = ([fill for fill in fills if fill.side is side][::step] for side in Side)
    return sorted(chain.from_iterable(sides), key=lambda fill: fill.seq), step


def _points(places: Places, times_ns: Times) -> dict[str, object]:
    return {"x": places.tolist(), "t": (times_ns[places] // MS).tolist()}
