"""What a backtest says on a terminal: one screen, eighty columns."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from console.backtest.honesty.costs import FACTORS, Sensitivity
from console.backtest.honesty.lookahead import Lookahead
from console.backtest.moments import spell

WIDTH = 80
NAMES_MAX = 8
CHANGES_MAX = 5


def print_summary(
    document: Mapping[str, object], stats: Mapping[str, object], screen: Console
) -> None:
    """Print the headline numbers, where they come from, and what to doubt."""
    for title, rows in _tables(document, stats):
        table = Table(title=title, title_justify="left", box=None, show_header=False, width=WIDTH)
        for _ in range(2):
            table.add_column(style="dim")
            table.add_column(justify="right")
        cells = [cell for row in rows for cell in row]
        cells += [""] * (-len(cells) % 4)
        for first in range(0, len(cells), 4):
            table.add_row(*cells[first : first + 4])
        screen.print(table)
        screen.print()
    for part in ("by_strategy", "by_symbol"):
        _print_parts(part.removeprefix("by_"), stats[part], screen)
    warnings = stats["warnings"]
    for sentence in warnings if isinstance(warnings, list) else ():
        screen.print(f"[yellow]![/] {sentence}", soft_wrap=False, width=WIDTH)


def _tables(
    document: Mapping[str, object], stats: Mapping[str, object]
) -> list[tuple[str, list[tuple[str, str]]]]:
    costs, benchmark = stats["costs"], stats["benchmark"]
    assert isinstance(costs, dict)
    run = [
        ("bars", f"{document['bars']:,}"),
        ("sessions", f"{stats['sessions']:,}"),
        ("signals", f"{document['signals']:,}"),
        ("denied", f"{document['denied']:,}"),
        ("fills", f"{document['fills']:,}"),
        ("books balanced", "yes" if document["balanced"] else "NO"),
    ]
    result = [
        ("equity", f"{float(str(document['equity'])):,.2f}"),
        ("profit", _money(stats["profit"])),
        ("total return", _share(stats["total_return"])),
        ("annual return", _share(stats["annual_return"])),
        ("Sharpe", _number(stats["sharpe"])),
        ("Sortino", _number(stats["sortino"])),
        ("max drawdown", _share(stats["max_drawdown"])),
        ("volatility", _share(stats["volatility"])),
        ("VaR 95 %, a session", _share(stats["var_95"])),
        ("CVaR 95 %", _share(stats["cvar_95"])),
    ]
    if isinstance(benchmark, dict):
        result += [
            ("benchmark", _share(benchmark["total_return"])),
            ("beta", _number(benchmark["beta"])),
        ]
    trading = [
        ("trades", f"{stats['trades']:,}"),
        ("win rate", _share(stats["win_rate"])),
        ("profit factor", _number(stats["profit_factor"])),
        ("expectancy", _money(stats["expectancy"])),
        ("time in market", _share(stats["time_in_market"])),
        ("turnover a year", _number(stats["turnover"])),
        *((name.replace("_", " "), _money(amount)) for name, amount in costs.items()),
    ]
    return [("Run", run), ("Result", result), ("Trading and its costs", trading)]


def _print_parts(title: str, parts: object, screen: Console) -> None:
    """Print profit by strategy or symbol, the largest first; nothing where there is one."""
    if not isinstance(parts, dict) or len(parts) < 2:
        return
    table = Table(box=None, width=WIDTH)
    table.add_column(f"By {title}", style="dim")
    for name in ("profit", "fees", "trades", "win rate"):
        table.add_column(name, justify="right")
    ranked = sorted(parts.items(), key=lambda item: -abs(item[1]["profit"]))
    for name, part in ranked[:NAMES_MAX]:
        cells = (_money(part["profit"]), _money(part["fees"]), f"{part['trades']:,}")
        table.add_row(name, *cells, _share(part["win_rate"]))
    if len(ranked) > NAMES_MAX:
        rest = sum(part["profit"] for _, part in ranked[NAMES_MAX:])
        table.add_row(f"{len(ranked) - NAMES_MAX} more", _money(rest), "", "", "")
    screen.print(table)
    screen.print()


def print_lookahead(found: Lookahead, screen: Console) -> None:
    """Print what `--check-lookahead` found."""
    for line in lookahead_lines(found):
        screen.print(line, soft_wrap=False, width=WIDTH, highlight=False)


def lookahead_lines(found: Lookahead) -> Sequence[str]:
    """Return the finding in sentences."""
    if not found.is_repeatable:
        why = "two runs over the same bars did not decide the same: randomness or a clock decides"
        lines = [f"Look-ahead: {why}."]
    elif found.changes:
        lines = [f"Look-ahead: decisions change at cuts of the future ({len(found.cuts)} made):"]
        lines += [
            f"  {one.strategy_id}, {spell(one.ts_ns)}: {one.with_future} with the future,"
            f" {one.without} without"
            for one in found.changes[:CHANGES_MAX]
        ]
    else:
        told = (
            f"none of {found.decisions} decisions changed at {len(found.cuts)} cuts of the future"
        )
        lines = [f"Look-ahead: {told}."]
    return [*lines, *(f"  {one}: data was read behind the engine's back" for one in found.opened)]


def print_sensitivity(found: Sensitivity, screen: Console) -> None:
    """Print what `--check-costs` found."""
    table = Table(title="Profit by costs", title_justify="left", box=None, width=WIDTH)
    table.add_column("", style="dim")
    for slippage in FACTORS:
        table.add_column(f"slippage x{slippage}", justify="right")
    for commission in FACTORS:
        cells = (f"{found.profit(commission, slippage):,.2f}" for slippage in FACTORS)
        table.add_row(f"commission x{commission}", *cells)
    screen.print(table)
    screen.print(sensitivity_sentence(found), soft_wrap=False, width=WIDTH, highlight=False)


def sensitivity_sentence(found: Sensitivity) -> str:
    """Return the finding in one sentence."""
    if found.is_lost:
        return "There is no profit even if trading were free."
    if found.break_even is None:
        return f"Some profit is left at {FACTORS[-1]} times the assumed costs."
    return f"The profit is gone at {found.break_even:.1f} times the assumed costs."


def _money(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, int | float) else "-"


def _share(value: object) -> str:
    return f"{value:.2%}" if isinstance(value, int | float) else "-"


def _number(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, int | float) else "-"
