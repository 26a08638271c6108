"""`tapedeck backtest`: the desk of `up --until-done` in this process, and what came of it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NamedTuple

from msgspec import to_builtins

from console.backtest.engine import run
from console.backtest.honesty.costs import Sensitivity, check_costs
from console.backtest.honesty.lookahead import Lookahead, check_lookahead
from console.backtest.moments import spell
from console.backtest.opening import opened, span_of
from console.backtest.progress import progress
from console.backtest.report import honesty_of, report_of
from console.backtest.result import Result
from console.backtest.statistics import Statistics, statistics
from console.backtest.summary import (
    print_lookahead,
    print_sensitivity,
    print_summary,
)
from console.configuration import DeskConfiguration, effective
from console.failure import INTERRUPTED
from console.output import print_json, terminal
from console.plan import UpOptions
from console.report.page import check_place, write_page
from services.data.files.bars import Bars, between
from services.data.files.finding import find_files
from shared.domain.errors import ConfigurationError
from shared.runtime.exits import Exit


class Wanted(NamedTuple):
    """What the command line says beside the options that it shares with `up`."""

    from_text: str | None = None
    to_text: str | None = None
    as_json: bool = False
    benchmark: str | None = None
    risk_free: float = 0.0
    check_lookahead: bool = False
    check_costs: bool = False
    report: Path | None = None


def backtest(options: UpOptions, wanted: Wanted) -> int:
    """Run, print the result and return the exit code: 130 when Ctrl-C ended it early, 1 when a
    strategy looks ahead.

    Raises ConfigurationError and DataError before anything runs.
    """
    if wanted.report is not None:
        check_place(wanted.report)
    plan, source = opened(options)
    from_ns, until_ns = span_of(source, wanted.from_text, wanted.to_text)
    with _interruptible() as stop, progress(sys.stderr, source, from_ns, until_ns) as show:

        def go_on(ts_ns: int) -> bool:
            show(ts_ns)
            return not stop

        result = run(
            plan.desk, source,
            tape_id=plan.tape_id or "", from_ns=from_ns, until_ns=until_ns, on_progress=go_on,
        )  # fmt: skip
    found = _statistics(result, wanted)
    document = {**result.document, "stats": found.document()}
    doubts = Doubts()
    if result.is_complete:
        doubts = _doubt(plan.desk, between(source.bars, from_ns, until_ns), wanted)
    else:
        reached = spell(int(result.curve.times_ns[-1]))
        print(f"interrupted: the results are those up to {reached}", file=sys.stderr)
    _say(document, wanted, doubts)
    if wanted.report is not None:
        _report(wanted.report, plan.desk, result, found, document, doubts)
    if not result.is_complete:
        return INTERRUPTED
    is_caught = doubts.lookahead is not None and not doubts.lookahead.is_clean
    return Exit.UNEXPECTED if is_caught else Exit.OK


class Doubts(NamedTuple):
    """What the honesty tools found, as far as they were asked."""

    lookahead: Lookahead | None = None
    sensitivity: Sensitivity | None = None


def _doubt(desk: DeskConfiguration, bars: Bars, wanted: Wanted) -> Doubts:
    files = find_files(desk.data.file.paths) if wanted.check_lookahead else ()
    return Doubts(
        check_lookahead(desk, bars, files) if wanted.check_lookahead else None,
        check_costs(desk, bars) if wanted.check_costs else None,
    )


def _statistics(result: Result, wanted: Wanted) -> Statistics:
    if wanted.benchmark is not None and wanted.benchmark not in result.prices:
        known = ", ".join(sorted(result.prices))
        raise ConfigurationError(f"--benchmark {wanted.benchmark}: the files hold {known}")
    return statistics(result, benchmark=wanted.benchmark, risk_free=wanted.risk_free)


def _say(document: dict[str, object], wanted: Wanted, doubts: Doubts) -> None:
    """Print what came of it."""
    if wanted.as_json:
        print_json(document | {n: v for n, v in to_builtins(doubts._asdict()).items() if v})
        return
    stats = document["stats"]
    assert isinstance(stats, dict)
    screen = terminal()
    print_summary(document, stats, screen)
    if doubts.lookahead is not None:
        print_lookahead(doubts.lookahead, screen)
    if doubts.sensitivity is not None:
        print_sensitivity(doubts.sensitivity, screen)


def _report(
    path: Path,
    desk: DeskConfiguration,
    result: Result,
    found: Statistics,
    document: dict[str, object],
    doubts: Doubts,
) -> None:
    settings = effective(desk).document
    told = {name: settings[name] for name in ("strategies", "data", "risk", "execution")}
    honesty = honesty_of(doubts.lookahead, doubts.sensitivity)
    page = {**report_of(result, found, document, told), "honesty": honesty}
    write_page(path, "Backtest: " + ", ".join(desk.strategies), page)
    print(f"report: {path}", file=sys.stderr)


@contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Yield a list that is empty until somebody interrupts; the second time ends the program."""
    stop: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        if stop:
            raise KeyboardInterrupt
        stop.append(number)

    before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
