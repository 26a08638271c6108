"""`tapedeck optimize`: many backtests, and what can honestly be said of the best of them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from console.backtest.opening import bars_of, opened
from console.backtest.timeline import Timeline
from console.configuration import DeskConfiguration, effective
from console.failure import INTERRUPTED
from console.optimize.farm import Farm, cluster, processes
from console.optimize.findings import Findings
from console.optimize.heat import heat_map
from console.optimize.space import Dimension, parse_dimension, settled
from console.optimize.study import Search, Told, Trial, search
from console.optimize.trials import METRICS, Bench
from console.optimize.walk import Fold, Step, folds_of, walk
from console.output import print_json, terminal
from console.plan import UpOptions, check_strategies
from console.report.page import check_place, write_page
from services.data.files.bars import Bars, pack
from shared.domain.errors import ConfigurationError


class Wanted(NamedTuple):
    """What the command line says beside the options that it shares with `up`."""

    space: tuple[str, ...] = ()
    metric: str = "sharpe"
    trials: int = 100
    jobs: int = 0
    folds: int = 0
    is_rolling: bool = False
    seed: int = 1
    ray: str | None = None
    from_text: str | None = None
    to_text: str | None = None
    as_json: bool = False
    report: Path | None = None


def optimize(options: UpOptions, wanted: Wanted) -> int:
    """Search, print what was found and return the exit code: 130 when Ctrl-C ended it early.

    Raises ConfigurationError and DataError before anything runs, UnavailableError for a cluster.
    """
    space = _checked(wanted)
    if wanted.report is not None:
        check_place(wanted.report)
    plan, source = opened(options)
    bars = bars_of(source, wanted.from_text, wanted.to_text)
    _refuse_unknown(plan.desk, space)
    jobs = wanted.jobs or os.cpu_count() or 1
    plan_of_search = Search(space, wanted.trials, jobs, wanted.seed)
    folds: list[Fold] = []
    if wanted.folds:
        folds = folds_of(Timeline(bars), wanted.folds, is_rolling=wanted.is_rolling)
    trials: list[Trial] = []
    steps: list[Step] = []
    whole = (int(bars.end_ns[0]), int(bars.end_ns[-1]))
    code = 0
    with (
        _bench(plan.desk, bars, wanted.metric) as bench,
        _farm(bench, wanted.ray, jobs) as farm,
        _progress(wanted.trials * (len(folds) + 1)) as told,
    ):
        try:
            steps.extend(walk(plan_of_search, farm, folds, told))
            for trial in search(plan_of_search, farm, whole):
                trials.append(trial)
                told(trial)
        except KeyboardInterrupt:
            print("interrupted: the results are those so far", file=sys.stderr)
            code = INTERRUPTED
    found = Findings(wanted.metric, trials, steps, heat_map(space, trials))
    if wanted.as_json:
        print_json(found.document())
    else:
        found.show(terminal())
    if wanted.report is not None:
        settings = effective(plan.desk).document["strategies"]
        page = {"document": found.document(), "doubt": found.doubt(), "settings": settings}
        write_page(wanted.report, "Search", {"kind": "search", **page})
        print(f"report: {wanted.report}", file=sys.stderr)
    return code


def _checked(wanted: Wanted) -> tuple[Dimension, ...]:
    if wanted.metric not in METRICS:
        raise ConfigurationError(f"--metric {wanted.metric}: one of {', '.join(METRICS)}")
    if not wanted.space:
        raise ConfigurationError("--space says what to vary, as in --space fast=5:50")
    space = tuple(parse_dimension(text) for text in wanted.space)
    names = [dimension.name for dimension in space]
    if len(set(names)) < len(names):
        raise ConfigurationError("--space names one setting twice")
    return space


def _refuse_unknown(desk: DeskConfiguration, space: tuple[Dimension, ...]) -> None:
    """Find a misspelt name before the first trial, by one in the middle of the space."""
    middle = {
        one.name: one.choices[0] if one.choices else int(one.low) if one.is_integer else one.low
        for one in space
    }
    check_strategies(settled(desk, middle))


@contextmanager
def _bench(desk: DeskConfiguration, bars: Bars, metric: str) -> Iterator[Bench]:
    """Put the bars where every process finds them."""
    with tempfile.TemporaryDirectory(prefix="tapedeck-optimize-") as folder:
        path = Path(folder) / "bars"
        with path.open("wb") as file:
            file.writelines(pack(bars))
        yield Bench(desk.model_dump_json(), str(path), metric)


def _farm(bench: Bench, address: str | None, jobs: int) -> AbstractContextManager[Farm]:
    return processes(bench, jobs) if address is None else cluster(bench, address)


@contextmanager
def _progress(total: int) -> Iterator[Told]:
    """Yield a function that is told of each trial; it draws where somebody looks."""
    screen = Console(stderr=True)
    if not screen.is_terminal:
        yield lambda _trial: None
        return
    columns = (
        TextColumn("[progress.description]{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.0f} of {task.total:.0f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True) as bar:
        task = bar.add_task("trials", total=total)
        yield lambda _trial: bar.advance(task)
