"""How a metric lies over two settings: a plateau can be trusted, a peak cannot."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from console.optimize.space import Dimension
from console.optimize.study import Trial

BINS_MAX = 10


class HeatMap(Struct, frozen=True):
    """The mean value of the trials in each cell, None where none was made.

    `rows` belong to `y`, from low to high; `x_from` and `y_from` are where each bin begins.
    """

    x: str
    y: str
    x_from: list[float]
    y_from: list[float]
    rows: list[list[float | None]]


def heat_map(space: Sequence[Dimension], trials: Sequence[Trial]) -> HeatMap | None:
    """Return the map over the first two ranges of a space; None where there are fewer."""
    ranges = [dimension for dimension in space if not dimension.choices]
    made = [trial for trial in trials if trial.outcome.value is not None]
    if len(ranges) < 2 or not made:
        return None
    x, y = ranges[:2]
    x_edges, y_edges = _edges(x), _edges(y)
    cells: dict[tuple[int, int], list[float]] = {}
    for trial in made:
        place = (_bin(y_edges, trial.settings[y.name]), _bin(x_edges, trial.settings[x.name]))
        cells.setdefault(place, []).append(float(trial.outcome.value or 0.0))
    rows = [
        [_mean(cells.get((row, column))) for column in range(len(x_edges))]
        for row in range(len(y_edges))
    ]
    return HeatMap(x.name, y.name, x_edges, y_edges, rows)


def _edges(dimension: Dimension) -> list[float]:
    """Return where each bin begins; integers of a small range have one each."""
    size = dimension.size
    if size <= BINS_MAX:
        edges = np.linspace(dimension.low, dimension.high, int(size))
    else:
        spread = np.geomspace if dimension.is_log else np.linspace
        edges = spread(dimension.low, dimension.high, BINS_MAX + 1)[:-1]
    return [float(edge) for edge in (np.ceil(edges) if dimension.is_integer else edges)]


def _bin(edges: Sequence[float], value: object) -> int:
    return max(int(np.searchsorted(edges, float(str(value)) + 1e-12, "right")) - 1, 0)


def _mean(values: Sequence[float] | None) -> float | None:
    return float(np.mean(values)) if values else None
