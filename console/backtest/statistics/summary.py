"""All statistics of one run, and the JSON document they make."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property

import numpy as np
from msgspec import to_builtins

from console.backtest.result import Curve, Fill, Floats, Result
from console.backtest.statistics import returns as ratios
from console.backtest.statistics.doubts import doubts
from console.backtest.statistics.drawdown import Drawdown, deepest
from console.backtest.statistics.trades import Trade, round_trips

NS_PER_S = 1_000_000_000
EQUAL_PARTS = "buy and hold, equal parts"


def statistics(
    result: Result, *, benchmark: str | None = None, risk_free: float = 0.0
) -> "Statistics":
    """Return the statistics of a run.

    `benchmark` is one of its symbols, None for all of them bought at the first close in equal
    parts and held. `risk_free` is an annual rate as a fraction. Raises KeyError for a symbol that
    the run has not seen.
    """
    return Statistics(result, benchmark, risk_free)


class Statistics:
    """Numbers of one run. Returns are those of exchange sessions, at their last slice."""

    def __init__(self, result: Result, benchmark: str | None, risk_free: float) -> None:
        self.result = result
        self.benchmark_name = benchmark or EQUAL_PARTS
        self._benchmark = benchmark
        self._daily_rate = (1.0 + risk_free) ** (1.0 / ratios.PERIODS) - 1.0
        self._start = float(result.starting_cash)
        self._ends = session_ends(result.curve)

    @cached_property
    def dates(self) -> list[str]:
        """The exchange sessions, ISO dates, in order."""
        curve = self.result.curve
        return [curve.sessions[int(place)] for place in curve.session[self._ends]]

    @cached_property
    def returns(self) -> Floats:
        """The return of each session, (sessions,); the first is counted from the starting cash."""
        return _returns(self.result.curve.equity[self._ends], self._start)

    def rolling_sharpe(self, sessions: int) -> Floats:
        """The Sharpe ratio of each `sessions` in a row: the last one ends with the run."""
        return ratios.rolling_sharpe(self.returns, sessions, self._daily_rate)

    @cached_property
    def benchmark(self) -> Floats | None:
        """The benchmark's returns of the same sessions; None when it has no prices."""
        held = self.benchmark_value(self.result.curve.times_ns[self._ends])
        return None if held is None else _returns(held, 1.0)

    def benchmark_value(
        self, times_ns: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> Floats | None:
        """Return what 1 in the benchmark has become at each time, (n,)."""
        names = [self._benchmark] if self._benchmark is not None else list(self.result.prices)
        held = []
        for name in names:
            prices = self.result.prices[name]
            if len(prices.close):
                place = np.searchsorted(prices.times_ns, times_ns, "right") - 1
                adjusted = prices.adjusted
                held.append(adjusted[np.maximum(place, 0)] / adjusted[0])
        if not held:
            return None
        mean: Floats = np.mean(held, axis=0)
        return mean

    @cached_property
    def trades(self) -> list[Trade]:
        """Round trips; those still open come last."""
        closes = {
            name: float(p.close[-1]) for name, p in self.result.prices.items() if len(p.close)
        }
        times = self.result.curve.times_ns
        splits = {name: p.splits for name, p in self.result.prices.items()}
        end_ns = int(times[-1]) if len(times) else 0
        return round_trips(self.result.fills, closes, end_ns, splits)

    @cached_property
    def drawdown(self) -> Drawdown | None:
        """The deepest drawdown, seen at every slice."""
        curve = self.result.curve
        return deepest(curve.times_ns, curve.equity, self._start)

    @cached_property
    def costs(self) -> dict[str, float]:
        """Money by kind: what brokers and authorities took, and `slippage`."""
        found: dict[str, Decimal] = {}
        for fill in self.result.fills:
            for kind, amount in fill.fee_parts.items():
                found[kind] = found.get(kind, Decimal(0)) + amount
            unnamed = fill.fees - sum(fill.fee_parts.values(), Decimal(0))
            if unnamed:
                found["other_fees"] = found.get("other_fees", Decimal(0)) + unnamed
        found |= self.result.charges
        slippage = sum(_slippage(fill) for fill in self.result.fills)
        return {**{kind: float(amount) for kind, amount in found.items()}, "slippage": slippage}

    @property
    def warnings(self) -> list[str]:
        """What should make a reader doubt, one sentence each."""
        costs, complete = sum(self.costs.values()), self.result.is_complete
        return doubts(self.trades, len(self.dates), costs, is_complete=complete)

    def document(self) -> dict[str, object]:
        """Return everything as JSON values: fractions, money, seconds, ISO times; None: undefined.

        docs/statistics.md explains each key.
        """
        document = {
            **self._of_returns(),
            **self._of_account(),
            **self._of_trades(),
            "costs": {**self.costs, "total": sum(self.costs.values())},
            "benchmark": self._of_benchmark(),
            "by_strategy": self._attribution(lambda trade: trade.strategy_id),
            "by_symbol": self._attribution(lambda trade: trade.symbol),
            "monthly": self._monthly(),
            "warnings": self.warnings,
        }
        return {key: _finite(value) for key, value in document.items()}

    def _of_returns(self) -> dict[str, object]:
        found, rate, fall = self.returns, self._daily_rate, self.drawdown
        annual = ratios.annual_return(found)
        return {
            "sessions": len(found),
            "total_return": ratios.total_return(found),
            "annual_return": annual,
            "volatility": ratios.volatility(found),
            "sharpe": ratios.sharpe(found, rate),
            "sortino": ratios.sortino(found, rate),
            "calmar": annual / -fall.depth if annual is not None and fall is not None else None,
            "omega": ratios.omega(found),
            "tail_ratio": ratios.tail_ratio(found),
            "skew": ratios.skew(found),
            "kurtosis": ratios.kurtosis(found),
            "probabilistic_sharpe": ratios.probabilistic_sharpe(found),
            "var_95": ratios.value_at_risk(found),
            "cvar_95": ratios.conditional_value_at_risk(found),
            "modified_var_95": ratios.modified_value_at_risk(found),
            "best_session": float(found.max()) if len(found) else None,
            "worst_session": float(found.min()) if len(found) else None,
            "max_drawdown": fall.depth if fall is not None else 0.0,
            "drawdown": _spell_drawdown(fall),
        }

    def _of_account(self) -> dict[str, object]:
        curve = self.result.curve
        traded = sum(float(fill.quantity * fill.price) for fill in self.result.fills)
        mean = float(curve.equity.mean()) if len(curve.equity) else self._start
        years = max(len(self.returns), 1) / ratios.PERIODS
        solvent = curve.equity > 0
        at_work = curve.gross[solvent] / curve.equity[solvent]
        return {
            "profit": float(curve.equity[-1]) - self._start if len(curve.equity) else 0.0,
            "time_in_market": float(np.mean(curve.gross > 0)) if len(curve.gross) else 0.0,
            "exposure_mean": float(np.mean(at_work)) if len(at_work) else 0.0,
            "exposure_max": float(np.max(at_work)) if len(at_work) else 0.0,
            "traded": traded,
            "turnover": traded / mean / years if mean > 0 else None,
        }

    def _of_trades(self) -> dict[str, object]:
        done = [trade for trade in self.trades if not trade.is_open]
        won = [trade.profit for trade in done if trade.profit > 0]
        lost = [trade.profit for trade in done if trade.profit <= 0]
        count = len(done)
        held_s = [(trade.exit_ns - trade.entry_ns) / NS_PER_S for trade in done]
        payoff = None
        if won and sum(lost):
            payoff = (sum(won) / len(won)) / -(sum(lost) / len(lost))
        return {
            "trades": count,
            "open_trades": len(self.trades) - count,
            "win_rate": len(won) / count if count else None,
            "profit_factor": sum(won) / -sum(lost) if sum(lost) else None,
            "expectancy": (sum(won) + sum(lost)) / count if count else None,
            "payoff": payoff,
            "best_trade": max((trade.profit for trade in done), default=None),
            "worst_trade": min((trade.profit for trade in done), default=None),
            "holding_s_mean": sum(held_s) / count if count else None,
        }

    def _of_benchmark(self) -> dict[str, object] | None:
        held, rate = self.benchmark, self._daily_rate
        if held is None:
            return None
        alpha, beta = ratios.alpha_beta(self.returns, held, rate)
        error = ratios.tracking_error(self.returns, held)
        ahead = self.returns - held
        defined = len(held) > 2 and np.std(self.returns) > 0 and np.std(held) > 0
        return {
            "name": self.benchmark_name,
            "total_return": ratios.total_return(held),
            "sharpe": ratios.sharpe(held, rate),
            "alpha": alpha,
            "beta": beta,
            "correlation": float(np.corrcoef(self.returns, held)[0, 1]) if defined else None,
            "tracking_error": error,
            "information_ratio": float(ahead.mean()) * ratios.PERIODS / error if error else None,
        }

    def _attribution(self, part: Callable[[Trade], str]) -> dict[str, dict[str, object]]:
        groups: dict[str, list[Trade]] = {}
        for trade in self.trades:
            groups.setdefault(part(trade), []).append(trade)
        return {name: _group(groups[name]) for name in sorted(groups)}

    def _monthly(self) -> dict[str, float]:
        months: dict[str, list[float]] = {}
        for date, gained in zip(self.dates, self.returns.tolist(), strict=True):
            months.setdefault(date[:7], []).append(gained)
        return {month: ratios.total_return(np.array(found)) for month, found in months.items()}


def session_ends(curve: Curve) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the place of each session's last slice; of the last session, the run's last.

    What happens while the exchange is closed counts for the session after.
    """
    places = np.flatnonzero(curve.session >= 0)
    if not len(places):
        return places
    of_session = curve.session[places]
    last = np.append(np.flatnonzero(np.diff(of_session)), len(of_session) - 1)
    ends: np.ndarray[tuple[int], np.dtype[np.intp]] = places[last]
    ends[-1] = len(curve.session) - 1
    return ends


def _returns(values: Floats, start: float) -> Floats:
    before = np.concatenate(([start], values[:-1]))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(before > 0, values / before - 1.0, 0.0)
    return np.asarray(found, np.float64)


def _slippage(fill: Fill) -> float:
    if fill.reference is None:
        return 0.0
    return fill.side.sign * (float(fill.price) - fill.reference) * float(fill.quantity)


def _group(trades: Sequence[Trade]) -> dict[str, object]:
    done = [trade for trade in trades if not trade.is_open]
    won = sum(trade.profit > 0 for trade in done)
    return {
        "profit": sum(trade.profit for trade in trades),
        "fees": sum(trade.fees for trade in trades),
        "trades": len(done),
        "win_rate": won / len(done) if done else None,
    }


def _spell_drawdown(fall: Drawdown | None) -> dict[str, object] | None:
    if fall is None:
        return None
    return {
        "peak": _spell(fall.peak_ns),
        "trough": _spell(fall.trough_ns),
        "recovery": None if fall.recovery_ns is None else _spell(fall.recovery_ns),
        "longest_days": fall.longest_s / 86_400,
    }


def _spell(ts_ns: int) -> str:
    return datetime.fromtimestamp(ts_ns / NS_PER_S, UTC).isoformat()


def _finite(value: object) -> object:
    """Replace what JSON cannot hold."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return to_builtins(value)
