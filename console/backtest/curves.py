"""From what the notebook holds and the closes to an equity curve, column-wise."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from console.backtest.notebook import Change
from console.backtest.result import Curve, Floats, Prices, Times
from console.backtest.timeline import Timeline
from services.data.files.bars import Bars
from shared.domain.positions import SPLIT

PRICE_DECIMALS = 4  # as `to_price` books them


def prices_of(bars: Bars, rows: int) -> dict[str, Prices]:
    """Return each symbol's closes among the first `rows` bars."""
    symbol = np.asarray(bars.symbol)[:rows]
    end_ns, close = np.asarray(bars.end_ns)[:rows], np.asarray(bars.prices[3])[:rows]
    splits = _splits_of(bars)
    if len(bars.symbols) == 1:
        (name,) = bars.symbols
        return {name: Prices(times_ns=end_ns, close=close, splits=splits.get(name, ()))}
    order = np.argsort(symbol, kind="stable")
    bounds = np.searchsorted(symbol[order], np.arange(len(bars.symbols) + 1))
    end_ns, close = end_ns[order], close[order]
    return {
        name: Prices(
            times_ns=end_ns[first:last], close=close[first:last], splits=splits.get(name, ())
        )
        for name, first, last in zip(
            bars.symbols, bounds[:-1].tolist(), bounds[1:].tolist(), strict=True
        )
    }


def curve_of(
    timeline: Timeline, slices: int, changes: Sequence[Change], prices: Mapping[str, Prices]
) -> Curve:
    """Return the account after each of the first `slices` slices of a timeline.

    Positions stand at the newest close, rounded as the books round it.
    """
    times_ns = timeline.ts_ns[:slices]
    at = np.array([change.ts_ns for change in changes], np.int64)
    cash = _steps(times_ns, at, [change.cash for change in changes])
    value, gross = np.zeros(slices), np.zeros(slices)
    for symbol, moved_ns, shares in _holdings(changes):
        closes = prices.get(symbol)
        if closes is None or not len(closes.close):
            continue
        held = _steps(times_ns, moved_ns, shares)
        worth = held * np.round(closes.at(times_ns), PRICE_DECIMALS)
        value += worth
        gross += np.abs(worth)
    return Curve(
        times_ns=times_ns,
        equity=cash + value,
        cash=cash,
        gross=gross,
        session=timeline.session[:slices],
        sessions=timeline.sessions,
    )


def _splits_of(bars: Bars) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for ts_ns, action in bars.actions:
        if action.kind == SPLIT:
            found.setdefault(action.symbol, []).append((ts_ns, action.ratio))
    return found


def _holdings(changes: Sequence[Change]) -> Iterator[tuple[str, Times, list[float]]]:
    moved: dict[str, tuple[list[int], list[float]]] = {}
    for change in changes:
        for symbol, shares in change.shares.items():
            times, held = moved.setdefault(symbol, ([], []))
            times.append(change.ts_ns)
            held.append(shares)
    for symbol, (times, held) in moved.items():
        yield symbol, np.array(times, np.int64), held


def _steps(times_ns: Times, at_ns: NDArray[np.int64], values: Sequence[float]) -> Floats:
    """Return, for each time, the value of the newest change at or before it; 0 before the first.

    Both times ascend. The few changes are looked up, not the many times.
    """
    known = np.concatenate(([0.0], np.array(values, np.float64)))
    begin = np.searchsorted(times_ns, at_ns)
    found: Floats = np.repeat(known, np.diff(begin, prepend=0, append=len(times_ns)))
    return found
