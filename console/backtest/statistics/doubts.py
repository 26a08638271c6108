"""What should make a reader doubt the numbers, one sentence each."""

from collections.abc import Sequence

from console.backtest.statistics.trades import Trade

TRADES_MIN = 30
SESSIONS_MIN = 60
SHARE_MAX = 0.5
BEST = 3


def doubts(trades: Sequence[Trade], sessions: int, costs: float, *, is_complete: bool) -> list[str]:
    """Return the sentences. `costs` are fees and slippage, money."""
    said = []
    done = [trade for trade in trades if not trade.is_open]
    if not is_complete:
        said.append("The run was interrupted: these are the results so far.")
    if len(done) < TRADES_MIN:
        said.append(
            f"The results rest on {len(done)} closed trades; fewer than {TRADES_MIN} say little"
            " about the next one."
        )
    if sessions < SESSIONS_MIN:
        said.append(
            f"{sessions} {'session was' if sessions == 1 else 'sessions were'} played; annual"
            f" figures of fewer than {SESSIONS_MIN} are extrapolations."
        )
    profits = sorted((trade.profit for trade in done), reverse=True)
    total = sum(profits)
    best = sum(profits[:BEST])
    if len(profits) > BEST and total > 0 and best > SHARE_MAX * total:
        said.append(
            f"The best {BEST} of {len(profits)} trades made {best / total:.0%} of the profit."
        )
    if total > 0 and costs > total:
        said.append(
            f"Costs of {costs:,.2f} are larger than the profit of closed trades, {total:,.2f}:"
            " small errors in what trading costs decide."
        )
    unclosed = len(trades) - len(done)
    if unclosed:
        said.append(
            f"{unclosed} {'position is' if unclosed == 1 else 'positions are'} still open and"
            " counted at the last price."
        )
    return said
