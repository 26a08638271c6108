"""`tapedeck backtest`: the desk of `up --until-done` in this process, and what came of it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple

from msgspec import to_builtins

from console.backtest.engine import run
from console.backtest.honesty.costs import Sensitivity, check_costs
from console.backtest.honesty.lookahead import Lookahead, check_lookahead
from console.backtest.moments import spell
from console.backtest.opening import opened, span_of
from console.backtest.progress import progress
from console.backtest.result import Result
from console.backtest.statistics import statistics
from console.backtest.summary import print_lookahead, print_sensitivity, print_summary
from console.configuration import DeskConfiguration
from console.failure import INTERRUPTED
from console.output import print_json, terminal
from console.plan import UpOptions
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


def backtest(options: UpOptions, wanted: Wanted) -> int:
    """Run, print the result and return the exit code: 130 when Ctrl-C ended it early, 1 when a
    strategy looks ahead.

    Raises ConfigurationError and DataError before anything runs.
    """
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
    document = {**result.document, "stats": _stats(result, wanted)}
    if not result.is_complete:
        reached = spell(int(result.curve.times_ns[-1]))
        print(f"interrupted: the results are those up to {reached}", file=sys.stderr)
        _say(document, wanted, Doubts())
        return INTERRUPTED
    bars = between(source.bars, from_ns, until_ns)
    doubts = _doubt(plan.desk, bars, wanted)
    _say(document, wanted, doubts)
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


def _stats(result: Result, wanted: Wanted) -> dict[str, object]:
    if wanted.benchmark is not None and wanted.benchmark not in result.prices:
        known = ", ".join(sorted(result.prices))
        raise ConfigurationError(f"--benchmark {wanted.benchmark}: the files hold {known}")
    found = statistics(result, benchmark=wanted.benchmark, risk_free=wanted.risk_free)
    return found.document()


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
