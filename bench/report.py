"""Numbers as rows: what, measured, baseline of the same run, ratio, target."""

import sys
from collections.abc import Sequence
from statistics import quantiles
from typing import NamedTuple


class Row(NamedTuple):
    """One measurement. `baseline` is the same thing done as plainly as can be, in this run."""

    what: str
    measured: str
    baseline: str = ""
    ratio: str = ""
    target: str = ""


class Spread(NamedTuple):
    """Median and 99th percentile, in the unit of the samples."""

    p50: float
    p99: float


def spread(samples: Sequence[float]) -> Spread:
    """Return median and 99th percentile."""
    cuts = quantiles(samples, n=100)
    return Spread(cuts[49], cuts[98])


def show(title: str, rows: Sequence[Row]) -> None:
    """Print a section as soon as it is measured."""
    table = [("", "measured", "baseline", "ratio", "target"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(5)]
    lines = [title, *("  " + _line(row, widths) for row in table)]
    sys.stdout.write("\n".join(lines) + "\n\n")
    sys.stdout.flush()


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (text.ljust(width) for text, width in zip(row, widths, strict=True))
    return "  ".join((first, *rest)).rstrip()
