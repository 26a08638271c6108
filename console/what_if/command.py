"""`tapedeck what-if` and `tapedeck parity`, from the command line to the screen."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from console.configuration import DeskConfiguration
from console.describe import moment, money, shares
from console.output import print_json, terminal
from console.replay.recorded import Survey, desk_of, survey
from console.tape_source import everything, open_source
from console.what_if.matching import Cause, Pair, attributed, matched, worth
from console.what_if.rebuilt import Rebuilt, Series, first_differences
from console.what_if.rerun import Decision, Outcome, recorded, rerun, slices_of
from services.strategy.catalogue import resolve
from shared.config.desk import read_file
from shared.domain.errors import ConfigurationError
from shared.domain.values import ZERO, to_price
from shared.messages.market import Bar, Trade
from shared.runtime.source import TimeSlice
from shared.tape.entry import Entry

SHOWN = 12


class _Recording:
    """A tape in memory, as far as a rerun needs it."""

    def __init__(self, tape_id: str, entries: list[Entry], found: Survey) -> None:
        self.tape_id = tape_id
        self.entries = entries
        self.found = found
        self._active = {
            entry.subject.split(".")[3]
            for entry in found.commands
            if entry.subject.split(".")[2] == "activate"
        }

    def desk(self, changes: Mapping[str, object] | None = None) -> DeskConfiguration:
        """Return the desk that made the tape; strategies that were ever activated are active."""
        desk = desk_of(self.found.certificates, changes)
        strategies = {
            name: settings.model_copy(update={"active": name in self._active})
            for name, settings in desk.strategies.items()
        }
        return desk.model_copy(update={"strategies": strategies})

    def slices(self, feed: str) -> list[TimeSlice]:
        """Return the market data."""
        return list(slices_of(self.entries, feed))


def what_if(changes: Path, state: Path | None, file: Path | None, *, as_json: bool) -> None:
    """Print what a changed desk would have done otherwise; ConfigurationError for a bad change."""
    told = read_file(str(changes))
    if not told:
        raise ConfigurationError(f"--with {changes}: it changes nothing")
    tape = asyncio.run(_recording(state, file))
    before, after = tape.desk(), tape.desk(told)
    slices = tape.slices(before.data.feed)
    one, other = (rerun(desk, tape.tape_id, tape.found.native, slices) for desk in (before, after))
    pairs = matched(other.decisions, one.decisions)
    marks = marks_of(slices)
    if as_json:
        print_json(_what_if_document(one, other, pairs, marks))
    else:
        _show_what_if(one, other, pairs, marks, terminal())


def parity(day: str | None, state: Path | None, file: Path | None, *, as_json: bool) -> None:
    """Print in money where what happened differs from a backtest over the same market data."""
    tape = asyncio.run(_recording(state, file))
    desk = tape.desk()
    slices = tape.slices(desk.data.feed)
    rebuilt = Rebuilt()
    backtested = rerun(desk, tape.tape_id, tape.found.native, slices, [rebuilt]).decisions
    pairs = matched(recorded(tape.entries), backtested)
    if day is not None:
        pairs = [pair for pair in pairs if moment(pair.decision.ts_ns)[:10] == day]
        if not pairs:
            raise ConfigurationError(
                f"--day {day}: nothing was decided on that day (ISO date, UTC)"
            )
    marks = marks_of(slices)
    differences = first_differences(tape.entries, rebuilt)
    document = parity_document(pairs, marks, _reads_other_bars(desk, differences))
    if as_json:
        print_json(document)
    else:
        _show_parity(document, pairs, marks, terminal())


async def _recording(state: Path | None, file: Path | None) -> _Recording:
    async with open_source(state, file) as tape:
        found = await survey(tape)
        entries = [one async for one in everything(tape, (await tape.bounds()).last)]
        return _Recording(tape.id, entries, found)


def marks_of(slices: Iterable[TimeSlice]) -> dict[str, Decimal]:
    """Return the last price of every symbol."""
    found: dict[str, Decimal] = {}
    for part in slices:
        for message in part.messages:
            if isinstance(message, Bar):
                found[message.symbol] = to_price(message.close)
            elif isinstance(message, Trade):
                found[message.symbol] = to_price(message.ticks[-1].price)
    return found


def _reads_other_bars(
    desk: DeskConfiguration, differences: Mapping[Series, int]
) -> Callable[[Decision], bool]:
    """Return what tells whether a decision was made when its strategy had read other bars."""
    timeframes = {
        name: str(settings.timeframe or resolve(settings.use).timeframe)
        for name, settings in desk.strategies.items()
    }

    def has_other_data(one: Decision) -> bool:
        series = (one.key.symbol, timeframes.get(one.key.strategy_id, ""))
        return series in differences and differences[series] <= one.ts_ns

    return has_other_data


def parity_document(
    pairs: Sequence[Pair],
    marks: Mapping[str, Decimal],
    has_other_data: Callable[[Decision], bool] = lambda _: False,
) -> dict[str, object]:
    """Return JSON values: the worth of both, and what the difference comes from."""
    causes: dict[str, Decimal] = {str(cause): ZERO for cause in Cause}
    counts: Counter[str] = Counter()
    for pair in pairs:
        for cause, amount in attributed(
            pair, marks, has_other_data=has_other_data(pair.decision)
        ).items():
            causes[str(cause)] += amount
            counts[str(cause)] += 1
    happened = sum((worth(pair.one, marks) for pair in pairs), ZERO)
    backtested = sum((worth(pair.other, marks) for pair in pairs), ZERO)
    return {
        "decisions": len(pairs),
        "equal": sum(is_equal(pair) for pair in pairs),
        "happened": f"{happened:.2f}",
        "backtest": f"{backtested:.2f}",
        "difference": f"{happened - backtested:.2f}",
        "causes": {
            cause: {"orders": counts[cause], "amount": f"{amount:.2f}"}
            for cause, amount in causes.items()
        },
    }


def is_equal(pair: Pair) -> bool:
    """Tell whether both runs decided the same and came to the same."""
    one, other = pair.one, pair.other
    if one is None or other is None:
        return False
    return _outcome(one) == _outcome(other)


def _outcome(one: Decision) -> tuple[object, ...]:
    fills = (one.bought, one.paid, one.fees, one.filled_ns)
    return (one.ts_ns, one.quantity, one.is_approved, one.failed, *fills)


def _what_if_document(
    one: Outcome, other: Outcome, pairs: Sequence[Pair], marks: Mapping[str, Decimal]
) -> dict[str, object]:
    return {
        "before": _summary(one),
        "after": _summary(other),
        "equity_difference": f"{other.equity - one.equity:.2f}",
        "added": sum(pair.other is None for pair in pairs),
        "removed": sum(pair.one is None for pair in pairs),
        "changed": sum(
            pair.one is not None and pair.other is not None and not is_equal(pair) for pair in pairs
        ),
        "decisions": [_told(pair, marks) for pair in pairs if not is_equal(pair)],
    }


def _summary(outcome: Outcome) -> dict[str, object]:
    blocked = Counter(code for one in outcome.decisions for code in one.failed)
    return {
        "signals": len(outcome.decisions),
        "approved": sum(one.is_approved for one in outcome.decisions),
        "filled": sum(bool(one.bought) for one in outcome.decisions),
        "blocked_by": dict(sorted(blocked.items())),
        "equity": f"{outcome.equity:.2f}",
        "cash": f"{outcome.cash:.2f}",
    }


def _told(pair: Pair, marks: Mapping[str, Decimal]) -> dict[str, object]:
    key = pair.decision.key._asdict()
    return {
        "ts_ns": pair.decision.ts_ns,
        **key,
        "before": _spelt(pair.other),
        "after": _spelt(pair.one),
        "worth": f"{worth(pair.one, marks) - worth(pair.other, marks):.2f}",
    }


def _spelt(one: Decision | None) -> str:
    if one is None:
        return "no signal"
    if one.failed:
        return f"denied: {', '.join(one.failed)}"
    if one.bought:
        return f"{shares(abs(one.bought))} at {one.price:.4f}"
    return f"approved {shares(one.quantity)}, not filled" if one.is_approved else "not answered"


def _show_what_if(
    one: Outcome,
    other: Outcome,
    pairs: Sequence[Pair],
    marks: Mapping[str, Decimal],
    screen: Console,
) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("", "as it was", "with the change"):
        table.add_column(title, justify="left" if not title else "right")
    before, after = _summary(one), _summary(other)
    for name in ("signals", "approved", "filled", "equity"):
        table.add_row(name, str(before[name]), str(after[name]))
    codes = Counter(code for it in (*one.decisions, *other.decisions) for code in it.failed)
    for code in sorted(codes):
        blocked = (sum(code in it.failed for it in run.decisions) for run in (one, other))
        table.add_row(f"blocked by {code}", *map(str, blocked))
    screen.print(table)
    different = [pair for pair in pairs if not is_equal(pair)]
    _show_pairs(different, marks, ("as it was", "with the change"), screen)
    print(f"equity {money(other.equity - one.equity)} against the desk as it was")


def _show_parity(
    document: Mapping[str, object],
    pairs: Sequence[Pair],
    marks: Mapping[str, Decimal],
    screen: Console,
) -> None:
    table = Table(box=box.SIMPLE, pad_edge=False)
    table.add_column("what happened differs by")
    table.add_column("orders", justify="right")
    table.add_column("amount", justify="right")
    causes = document["causes"]
    assert isinstance(causes, Mapping)
    for cause, told in causes.items():
        table.add_row(cause, str(told["orders"]), str(told["amount"]))
    table.add_row("together", "", str(document["difference"]), style="bold")
    screen.print(table)
    different = [pair for pair in pairs if not is_equal(pair)]
    _show_pairs(different, marks, ("in a backtest", "happened"), screen)
    print(
        f"{document['decisions']} decisions, {document['equal']} equal;"
        f" orders came to {document['happened']}, in a backtest to {document['backtest']}"
    )


def _show_pairs(
    pairs: Sequence[Pair], marks: Mapping[str, Decimal], titles: tuple[str, str], screen: Console
) -> None:
    if not pairs:
        return
    table = Table(box=box.SIMPLE, pad_edge=False)
    for title in ("time", "strategy", "order", *titles, "worth"):
        table.add_column(title, justify="right" if title == "worth" else "left")
    for pair in pairs[:SHOWN]:
        key = pair.decision.key
        amount = worth(pair.one, marks) - worth(pair.other, marks)
        order = f"{key.intent} {key.side} {key.symbol}"
        table.add_row(
            moment(pair.decision.ts_ns), key.strategy_id, order,
            _spelt(pair.other), _spelt(pair.one), money(amount),
        )  # fmt: skip
    screen.print(table)
    if len(pairs) > SHOWN:
        screen.print(f"{len(pairs) - SHOWN:,} more\n")
