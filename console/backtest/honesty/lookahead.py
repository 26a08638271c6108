"""`--check-lookahead`: would the strategies have decided the same without the future?

The desk runs once over all bars, and again for each of several cuts over nothing but the bars up
to it, each time in a fresh process. What was decided up to a cut must be the same. Cuts are made
right at decisions: the bar after one is where a look ahead pays most.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from console.backtest.honesty.apart import Decision, Run, runs_apart
from console.configuration import DeskConfiguration
from services.data.files.bars import Bars, between
from shared.messages.signals import Signal

CUTS = 8


class Change(Struct, frozen=True):
    """The first decision up to `cut_ns` that is another without what came after it.

    `with_future` and `without` are in words, "nothing" where there was none.
    """

    cut_ns: int
    ts_ns: int
    strategy_id: str
    with_future: str
    without: str


class Lookahead(Struct, frozen=True):
    """What the check found.

    `changes` hold the first one of each cut and strategy. `opened` says which files of the data
    were read past the engine's back, and by whom. `is_repeatable` is False when two runs over
    all bars did not decide the same: then nothing can be said about the cuts.
    """

    decisions: int
    cuts: list[int]
    changes: list[Change]
    opened: list[str]
    is_repeatable: bool

    @property
    def is_clean(self) -> bool:
        """True when no trace of the future was found."""
        return self.is_repeatable and not self.changes and not self.opened


def check_lookahead(
    desk: DeskConfiguration, bars: Bars, files: Sequence[Path], cuts: int = CUTS
) -> Lookahead:
    """Run everything `2 + cuts` times. `files` are where the bars come from."""
    whole, again = runs_apart(desk, [bars, bars], files)
    opened = {**dict.fromkeys(whole.opened), **dict.fromkeys(again.opened)}
    if whole.decisions != again.decisions:
        return Lookahead(len(whole.decisions), [], [], list(opened), is_repeatable=False)
    times = cut_times(whole.decisions, bars, cuts)
    parts = runs_apart(desk, [between(bars, 0, cut_ns) for cut_ns in times], files)
    changes: list[Change] = []
    for cut_ns, part in zip(times, parts, strict=True):
        changes += _changes(cut_ns, whole, part)
        opened |= dict.fromkeys(part.opened)
    return Lookahead(len(whole.decisions), times, changes, list(opened), is_repeatable=True)


def cut_times(decisions: Sequence[Decision], bars: Bars, count: int) -> list[int]:
    """Return up to `count` times: of decisions, spread evenly, or of bars where there are few."""
    at_decisions = list(dict.fromkeys(one.ts_ns for one in decisions))
    times = at_decisions if len(at_decisions) >= count else np.unique(bars.end_ns).tolist()
    picked = np.linspace(0, len(times) - 1, count + 1)[:-1].round().astype(int)
    return sorted({int(times[place]) for place in picked})


def _changes(cut_ns: int, whole: Run, part: Run) -> list[Change]:
    """Compare what each strategy decided up to a cut."""
    found = []
    recorded = _by_strategy(whole.decisions, cut_ns)
    produced = _by_strategy(part.decisions, cut_ns)
    for name in sorted({*recorded, *produced}):
        before, after = recorded.get(name, []), produced.get(name, [])
        length = max(len(before), len(after))
        for place in range(length):
            one = before[place] if place < len(before) else None
            other = after[place] if place < len(after) else None
            if one != other:
                at_ns = min(each.ts_ns for each in (one, other) if each is not None)
                found.append(Change(cut_ns, at_ns, name, _spell(one), _spell(other)))
                break
    return found


def _by_strategy(decisions: Sequence[Decision], until_ns: int) -> dict[str, list[Decision]]:
    found: dict[str, list[Decision]] = {}
    for one in decisions:
        if one.ts_ns <= until_ns:
            found.setdefault(one.signal.strategy_id, []).append(one)
    return found


def _spell(decision: Decision | None) -> str:
    if decision is None:
        return "nothing"
    signal: Signal = decision.signal
    size = "" if signal.quantity is None else f" {signal.quantity:f}"
    kind = signal.order_type.value
    return f"{signal.intent.value} {signal.side.value}{size} {signal.symbol} {kind}".strip()
