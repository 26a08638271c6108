"""Walking forward: settings found on the past, judged on what came after it."""

from collections.abc import Iterator, Sequence

import numpy as np
from msgspec import Struct

from console.backtest.statistics import returns as ratios
from console.backtest.timeline import Timeline
from console.optimize.farm import Farm
from console.optimize.space import Settings
from console.optimize.study import Search, Told, ranked, search
from console.optimize.trials import Outcome, Task
from shared.domain.errors import ConfigurationError


class Fold(Struct, frozen=True):
    """Event times, both ends included: settings are sought in `train` and judged in `test`."""

    train: tuple[int, int]
    test: tuple[int, int]


class Step(Struct, frozen=True):
    """What a fold found: the best settings of its past, their value there, and afterwards.

    `inside` and `outside` are None when nothing could be traded in the past.
    """

    fold: Fold
    settings: Settings | None
    inside: Outcome | None
    outside: Outcome | None


def folds_of(timeline: Timeline, count: int, *, is_rolling: bool) -> list[Fold]:
    """Cut the sessions into `count` + 1 equal blocks; each but the first is tested once.

    The past of a block is everything before it, or only the block before (`is_rolling`).
    """
    sessions = np.unique(timeline.session[timeline.session >= 0])
    if len(sessions) < count + 1:
        raise ConfigurationError(
            f"--walk-forward {count}: {count + 1} sessions are needed at least, the files hold"
            f" {len(sessions)}"
        )
    blocks = np.array_split(sessions, count + 1)
    spans = [_span(timeline, int(block[0]), int(block[-1])) for block in blocks]
    return [
        Fold((spans[place if is_rolling else 0][0], spans[place][1]), spans[place + 1])
        for place in range(count)
    ]


def _span(timeline: Timeline, first: int, last: int) -> tuple[int, int]:
    within = np.flatnonzero((timeline.session >= first) & (timeline.session <= last))
    return int(timeline.ts_ns[within[0]]), int(timeline.ts_ns[within[-1]])


def walk(
    wanted: Search, farm: Farm, folds: Sequence[Fold], told: Told = lambda _: None
) -> Iterator[Step]:
    """Search in each fold's past, and try the best of it on what comes after, from a cold start."""
    for fold in folds:
        tried = []
        for trial in search(wanted, farm, fold.train):
            tried.append(trial)
            told(trial)
        best = next(iter(ranked(tried)), None)
        if best is None:
            yield Step(fold, None, None, None)
            continue
        (outside,) = farm.run([Task(best.settings, *fold.test)])
        yield Step(fold, best.settings, best.outcome, outside)


def joined_sharpe(steps: Sequence[Step]) -> float | None:
    """Return the annual Sharpe ratio of all tested sessions, one after another."""
    returns = [gained for step in steps if step.outside for gained in step.outside.returns]
    return ratios.sharpe(np.array(returns))
