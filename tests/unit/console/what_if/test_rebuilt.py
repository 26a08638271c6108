"""A bar that was built otherwise live is found, and a signal that hangs on it is put down to it."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from console.what_if.matching import Cause, Pair, attributed
from console.what_if.rebuilt import Rebuilt, first_differences
from console.what_if.rerun import Decision, Key
from shared.messages.codec import decode, encode
from shared.messages.market import Bar
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry
from tests.golden.stories import path_of


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return list(ArchiveTape.open(path_of("limits")).entries())


def built(entries: list[Entry]) -> Rebuilt:
    found = Rebuilt()
    for entry in entries:
        if entry.subject.startswith("data.bars.bar."):
            found.handle(*entry.open())
    return found


def test_the_same_bars_differ_nowhere(entries: list[Entry]) -> None:
    rebuilt = built(entries)
    assert rebuilt.bars
    assert not first_differences(entries, rebuilt)


def test_a_bar_that_lacked_a_late_tick_is_found_with_its_time(entries: list[Entry]) -> None:
    rebuilt = built(entries)
    places = [place for place, entry in enumerate(entries) if ".bars.bar.5m." in entry.subject]
    place = places[len(places) // 2]
    head, bar = decode(entries[place].payload)
    assert isinstance(bar, Bar)
    other = Bar(bar.symbol, bar.timeframe, bar.start_ns, bar.open, bar.high, bar.low,
                bar.close - 0.01, bar.volume - 100)  # fmt: skip
    live = [*entries]
    live[place] = replace(entries[place], payload=encode(head, other))
    assert first_differences(live, rebuilt) == {(bar.symbol, "5m"): head.ts_ns}


def test_a_bar_that_one_of_them_lacks_is_found(entries: list[Entry]) -> None:
    rebuilt = built(entries)
    live = [one for one in entries if not one.subject.startswith("data.bars.bar.5m.AAA")]
    (series,) = first_differences(live, rebuilt)
    assert series == ("AAA", "5m")


def test_a_signal_that_one_lacks_comes_from_other_data_where_there_was_other_data() -> None:
    alone = Decision(
        Key("orb", "AAA", "open", "buy"), 5, Decimal(10), (), is_approved=True,
        bought=Decimal(10), paid=Decimal(1_000), fees=Decimal(1), filled_ns=6,
    )  # fmt: skip
    marks = {"AAA": Decimal(110)}
    pair = Pair(alone, None)
    assert attributed(pair, marks, has_other_data=True) == {Cause.DATA: Decimal(99)}
    assert attributed(pair, marks) == {Cause.SIGNAL: Decimal(99)}
