"""`tapedeck backtest`: the desk's own cores over a tape in memory, and what a run tells."""
