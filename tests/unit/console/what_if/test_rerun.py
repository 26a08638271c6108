"""The market data of a tape, played again, comes to what was recorded."""

import asyncio

import pytest

from console.replay.recorded import desk_of, survey
from console.what_if.command import is_equal, marks_of, parity_document
from console.what_if.matching import matched
from console.what_if.rerun import recorded, rerun, slices_of
from shared.messages.market import Clock
from shared.tape.archive import ArchiveTape
from tests.golden.stories import STORIES, path_of


@pytest.mark.parametrize("name", STORIES)
def test_a_paper_day_is_its_backtest_to_the_cent(name: str) -> None:
    tape = ArchiveTape.open(path_of(name))
    found = asyncio.run(survey(tape))
    desk = desk_of(found.certificates, {"strategies": active(found.certificates)})
    slices = list(slices_of(tape.entries(), desk.data.feed))
    assert all(isinstance(part.messages[-1], Clock) for part in slices)
    outcome = rerun(desk, tape.id, found.native, slices)
    pairs = matched(recorded(tape.entries()), outcome.decisions)
    assert len(pairs) > 10
    assert all(map(is_equal, pairs))
    told = parity_document(pairs, marks_of(slices))
    assert told["difference"] == "0.00"
    assert told["happened"] == told["backtest"] != "0.00"


def active(certificates: object) -> dict[str, object]:
    lanes = dict(certificates)  # type: ignore[call-overload]
    names = {lane.partition(".")[2].partition("~")[0] for lane in lanes if "strategy" in lane}
    return {name: {"active": True} for name in names}
