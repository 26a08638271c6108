"""What a search found: out of sample first, then the trials, then how much of it is luck."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct, to_builtins
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from console.backtest.moments import spell
from console.backtest.statistics import returns as ratios
from console.optimize.heat import HeatMap
from console.optimize.space import Settings
from console.optimize.study import Trial, ranked
from console.optimize.walk import Step, joined_sharpe

SHOWN = 10
LIKELY = 0.95


class Findings(Struct, frozen=True):
    """Everything to print. `trials` are those over all bars; `steps` those of walking forward."""

    metric: str
    trials: list[Trial]
    steps: list[Step]
    heat: HeatMap | None

    @property
    def best(self) -> Trial | None:
        """The trial with the highest value."""
        return next(iter(ranked(self.trials)), None)

    @property
    def deflated_sharpe(self) -> float | None:
        """How likely the best trial is better than the luck of as many; None: cannot be said."""
        if self.best is None:
            return None
        tried = [
            ratios.sharpe(np.array(trial.outcome.returns), periods=1.0)
            for trial in ranked(self.trials)
        ]
        known = np.array([one for one in tried if one is not None])
        return ratios.deflated_sharpe(np.array(self.best.outcome.returns), known)

    def document(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            "metric": self.metric,
            "out_of_sample": [_step(step) for step in self.steps],
            "out_of_sample_sharpe": joined_sharpe(self.steps),
            "best": None if self.best is None else _trial(self.best),
            "deflated_sharpe": self.deflated_sharpe,
            "different": len(ranked(self.trials)),
            "trials": [_trial(trial) for trial in self.trials],
            "heat_map": to_builtins(self.heat),
        }

    def show(self, screen: Console) -> None:
        """Print tables."""
        if self.steps:
            _show_steps(self.metric, self.steps, screen)
        _show_trials(self.metric, ranked(self.trials)[:SHOWN], screen)
        if self.heat is not None:
            _show_heat(self.metric, self.heat, screen)
        screen.print(self.doubt(), highlight=False)

    def doubt(self) -> str:
        """Say in one sentence how far the best result can be trusted."""
        count, likely = len(ranked(self.trials)), self.deflated_sharpe
        if self.best is None:
            why = next((trial.outcome.why for trial in self.trials if trial.outcome.why), "")
            return f"No trial has a {self.metric}{': ' + why if why else '; nothing was traded'}."
        if likely is None:
            return f"{count} settings were tried; their luck cannot be judged on so few sessions."
        verdict = "holds up" if likely >= LIKELY else "may well be luck"
        return (
            f"{count} settings were tried: the best one {verdict} (deflated Sharpe: {likely:.0%}"
            f" likely better than the luckiest of {count} without skill)."
        )


def _trial(trial: Trial) -> dict[str, object]:
    outcome = to_builtins(trial.outcome)
    outcome.pop("returns")
    return {"number": trial.number, "settings": trial.settings, **outcome}


def _step(step: Step) -> dict[str, object]:
    train, test = step.fold.train, step.fold.test
    return {
        "train": [spell(ts_ns) for ts_ns in train],
        "test": [spell(ts_ns) for ts_ns in test],
        "settings": step.settings,
        "in_sample": step.inside.value if step.inside else None,
        "out_of_sample": step.outside.value if step.outside else None,
        "total_return": step.outside.total_return if step.outside else None,
        "trades": step.outside.trades if step.outside else None,
    }


def _show_steps(metric: str, steps: Sequence[Step], screen: Console) -> None:
    table = Table(title="Out of sample", title_justify="left", box=None)
    for name in ("tested", "settings of its past"):
        table.add_column(name, style="dim" if name == "tested" else "")
    for name in (f"{metric} then", f"{metric} inside", "return", "trades"):
        table.add_column(name, justify="right")
    for step in steps:
        when = f"{spell(step.fold.test[0])[:10]} .. {spell(step.fold.test[1])[:10]}"
        if step.settings is None or step.outside is None or step.inside is None:
            table.add_row(when, "nothing was traded", "-", "-", "-", "-")
            continue
        table.add_row(
            when, _settings(step.settings), _number(step.outside.value),
            _number(step.inside.value), f"{step.outside.total_return:.2%}",
            f"{step.outside.trades:,}",
        )  # fmt: skip
    screen.print(table)
    screen.print(f"Sharpe of all tested sessions: {_number(joined_sharpe(steps))}\n")


def _show_trials(metric: str, trials: Sequence[Trial], screen: Console) -> None:
    table = Table(title="In sample: the best trials", title_justify="left", box=None)
    table.add_column("settings")
    for name in (metric, "return", "drawdown", "trades"):
        table.add_column(name, justify="right")
    for trial in trials:
        outcome = trial.outcome
        table.add_row(
            _settings(trial.settings), _number(outcome.value), f"{outcome.total_return:.2%}",
            f"{outcome.max_drawdown:.2%}", f"{outcome.trades:,}",
        )  # fmt: skip
    screen.print(table)
    screen.print()


def _show_heat(metric: str, heat: HeatMap, screen: Console) -> None:
    """Print the map, coloured from the lowest value to the highest."""
    known = [value for row in heat.rows for value in row if value is not None]
    low, high = min(known), max(known)
    title = f"Mean {metric}: {heat.y} down, {heat.x} across"
    table = Table(title=title, title_justify="left", box=None, padding=(0, 0))
    table.add_column("", justify="right", style="dim")
    for begin in heat.x_from:
        table.add_column(f" {begin:g}", justify="right", header_style="dim")
    for begin, row in zip(heat.y_from, heat.rows, strict=True):
        table.add_row(f"{begin:g} ", *(_cell(value, low, high) for value in row))
    screen.print(table)
    screen.print()


def _cell(value: float | None, low: float, high: float) -> Text:
    if value is None:
        return Text("·".rjust(7), style="dim")
    share = (value - low) / (high - low) if high > low else 0.5
    # From red over a pale yellow to green: told apart by brightness, too.
    red, green = int(200 * (1 - share) + 40), int(160 * share + 50)
    style = Style(color="white", bgcolor=Color.from_rgb(red, green, 60).name)
    return Text(f"{value:7.2f}", style=style)


def _settings(settings: Settings) -> str:
    return " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in settings.items()
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.2f}"
