"""One trial: a backtest under some settings, over a part of the bars, and what it is worth."""

from dataclasses import dataclass
from pathlib import Path

from msgspec import Struct

from console.backtest.engine import run
from console.backtest.statistics import statistics
from console.backtest.timeline import Timeline
from console.configuration import DeskConfiguration
from console.optimize.space import Settings, settled
from services.data.files.bars import between, unpack
from shared.domain.errors import ConfigurationError

METRICS = (
    *("sharpe", "sortino", "calmar", "total_return", "annual_return"),
    *("profit_factor", "expectancy", "omega", "max_drawdown"),
)
"""What can be asked for; more is better for each of them."""


class Task(Struct, frozen=True):
    """What to try: settings, over the bars that end in [from_ns, until_ns]."""

    settings: Settings
    from_ns: int
    until_ns: int


class Outcome(Struct, frozen=True):
    """What came of it. `value` None: the metric is not defined there; `why` says why.

    `returns` are those of its sessions, for the doubt about the best of many.
    """

    value: float | None
    total_return: float
    max_drawdown: float
    trades: int
    returns: tuple[float, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Bench:
    """What every trial of a study shares. `bars_path` holds the bars as `pack` writes them."""

    document: str
    bars_path: str
    metric: str


class Trials:
    """Runs trials in one process; reads the bars once and keeps the parts it has cut."""

    def __init__(self, bench: Bench, packed: bytes | None = None) -> None:
        self._desk = DeskConfiguration.model_validate_json(bench.document)
        self._bars = unpack(Path(bench.bars_path).read_bytes() if packed is None else packed)
        self._metric = bench.metric
        self._parts: dict[tuple[int, int], Timeline] = {}

    def run(self, task: Task) -> Outcome:
        """Run one. Settings that a strategy refuses are an outcome, not an error."""
        span = (task.from_ns, task.until_ns)
        timeline = self._parts.get(span)
        if timeline is None:
            timeline = self._parts[span] = Timeline(between(self._bars, *span))
        try:
            result = run(settled(self._desk, task.settings), timeline)
        except ConfigurationError as error:
            return Outcome(None, 0.0, 0.0, 0, why=str(error))
        stats = statistics(result)
        found = stats.document()
        return Outcome(
            value=_number(found[self._metric]),
            total_return=_number(found["total_return"]) or 0.0,
            max_drawdown=_number(found["max_drawdown"]) or 0.0,
            trades=len(stats.trades),
            returns=tuple(stats.returns.tolist()),
        )


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
