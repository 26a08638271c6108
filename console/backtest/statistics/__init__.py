"""What a run is worth, in numbers: `statistics(result).document()`; docs/statistics.md has each."""

from console.backtest.statistics.summary import Statistics, statistics

__all__ = ["Statistics", "statistics"]
