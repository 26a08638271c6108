"""Every order's story reaches the market data that caused it."""

import asyncio
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import override

import msgspec
import pytest
from rich.console import Console

from console.why.story import Story, story_of
from console.why.telling import document, show
from services.data.files.source import FileSource
from shared.domain.errors import ConfigurationError
from shared.messages.decisions import Denied, Halted
from shared.messages.market import Bar
from shared.messages.orders import Filled, Submitting
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry
from tests.backtests import desk_of
from tests.golden.stories import path_of
from tests.real_data import real
from tests.recorded import record


class Remembered(ArchiveTape):
    """An archive that is read once: hundreds of stories ask for all of it again and again."""

    @override
    def entries(self, start_seq: int = 1) -> Iterator[Entry]:
        assert start_seq == 1
        return iter(self.held)

    @override
    async def get(self, seq: int) -> Entry | None:
        return self.held[seq - 1]

    @cached_property
    def held(self) -> list[Entry]:
        return list(super().entries())


def said(tape: ArchiveTape, kind: type) -> list[Entry]:
    event = kind.__struct_config__.tag  # type: ignore[attr-defined]
    return [one for one in tape.entries() if one.subject.split(".")[2] == event]


def story(tape: ArchiveTape, text: str) -> Story:
    return asyncio.run(story_of(tape, text))


@pytest.fixture(scope="module")
def limits() -> ArchiveTape:
    return ArchiveTape.open(path_of("limits"))


def shown(of: Story) -> str:
    screen = Console(width=120, record=True, file=None, force_terminal=False, quiet=False)
    with screen.capture() as captured:
        show(of, screen)
    return captured.get()


def test_every_order_of_a_real_day_reaches_its_bar(tmp_path: Path) -> None:
    path = tmp_path / "day.tape"
    bars = FileSource([real("bars_1min/yahoo_2025-05.parquet")]).bars
    record(path, desk_of(), bars)
    tape = Remembered.open(path)
    orders = said(tape, Submitting)
    assert len(orders) > 100
    for entry in orders:
        found = story(tape, str(entry.seq))
        first = found.causes(entry)[0]
        assert first.subject.startswith("data.file.bar")
        bar = first.open()[1]
        order = entry.open()[1]
        assert isinstance(bar, Bar)
        assert isinstance(order, Submitting)
        assert bar.symbol == order.symbol


def test_an_order_is_found_by_each_of_its_names(limits: ArchiveTape) -> None:
    entry = said(limits, Filled)[0]
    stamp, fill = entry.open()
    assert isinstance(fill, Filled)
    by_seq = story(limits, str(entry.seq))
    for name in (stamp.id, fill.signal_id, fill.order_id, fill.client_order_id, fill.execution_id):
        assert list(story(limits, name).entries) == list(by_seq.entries)


def test_a_denial_tells_every_reason_with_value_and_limit(limits: ArchiveTape) -> None:
    entry = said(limits, Denied)[0]
    denied = entry.open()[1]
    assert isinstance(denied, Denied)
    text = shown(story(limits, str(entry.seq)))
    assert "looked at fast" in text
    for check in denied.reasons:
        assert f"FAILED {check.code}: {check.value} against {check.limit}" in text


def test_a_halt_reaches_the_price_that_caused_it(limits: ArchiveTape) -> None:
    (entry,) = said(limits, Halted)
    found = story(limits, str(entry.seq))
    assert found.causes(entry)[0].subject.startswith("data.")
    assert "violation" in shown(found)


def test_market_data_tells_what_came_of_it(limits: ArchiveTape) -> None:
    signal = next(one for one in limits.entries() if ".signal." in one.subject)
    found = story(limits, str(signal.cause))
    assert signal.seq in found.entries
    assert found.roots == [found.target]


def test_the_document_has_the_chain_and_the_times(limits: ArchiveTape) -> None:
    entry = said(limits, Filled)[0]
    told = msgspec.json.decode(msgspec.json.encode(document(story(limits, str(entry.seq)))))
    assert told["target"] == told["chain"][-1] == entry.seq
    events = [step["event"] for step in told["steps"]]
    for event in ("bar", "signal", "approved", "submitting", "report", "filled"):
        assert event in events
    assert all(step["after_ms"] is not None for step in told["steps"] if step["cause"])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("99999", "there is no message 99999: the tape holds 1 to "),
        ("0123456789abcdef0123456789abcdef", "nothing on this tape is called 0123"),
        ("a b", "'a b' is neither a sequence nor an id"),
    ],
)
def test_what_is_not_there_is_one_sentence(limits: ArchiveTape, text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        story(limits, text)
