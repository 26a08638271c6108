"""A difference points to the line that decides otherwise today."""

import asyncio
import sys

import pytest

from console.configuration import DeskConfiguration
from console.in_process import actors_of
from console.replay.recorded import desk_of, survey
from console.replay.suspects import suspects
from shared.runtime.replay import Replay
from shared.tape.archive import ArchiveTape
from tests.backtests import desk_of as recorded_desk
from tests.recorded import record


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> ArchiveTape:
    path = tmp_path_factory.mktemp("tape") / "a.tape"
    record(path)
    return ArchiveTape.open(path)


def what_is_suspect(archive: ArchiveTape, **changes: object) -> list[str]:
    """Replay under other settings; return what is said about it."""
    found = asyncio.run(survey(archive))
    desk: DeskConfiguration = desk_of(found.certificates, changes)
    run = Replay(archive.id, actors_of(desk, archive.id, found.native), found.certificates)
    for entry in archive.entries():
        run.feed(entry)
    return asyncio.run(suspects(archive, run.end(), found, desk))


def test_nothing_is_suspect_where_nothing_differs(archive: ArchiveTape) -> None:
    assert what_is_suspect(archive) == []


def test_a_changed_setting_and_the_line_that_it_leads_to_are_named(archive: ArchiveTape) -> None:
    (name,) = recorded_desk().strategies
    changes = {name: {"params": {"fast": 2}}}
    setting, line = what_is_suspect(archive, strategies=changes)
    assert setting.startswith(f"strategy.{name}: params.fast is 2, it was ")
    assert "today's code asks for" in line
    assert "crossover.py:" in line


def test_of_others_than_strategies_only_the_setting_is_named(archive: ArchiveTape) -> None:
    said = what_is_suspect(archive, risk={"max_order_notional": "7000"})
    assert said[0].startswith("risk.main: max_order_notional is 7000, it was ")
    assert not [line for line in said if "today's code" in line]


def test_a_trace_that_was_there_before_stays(archive: ArchiveTape) -> None:
    """Coverage and debuggers use the same hook."""
    before = sys.gettrace()
    (name,) = recorded_desk().strategies
    what_is_suspect(archive, strategies={name: {"params": {"fast": 2}}})
    assert sys.gettrace() is before
