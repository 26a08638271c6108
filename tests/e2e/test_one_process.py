"""The distributed desk writes the tape that one process writes, message for message."""

import asyncio
import json
from pathlib import Path

import pytest

from console.configuration import DeskConfiguration
from console.embedded.nats import EmbeddedNats
from console.in_process import play
from services.data.files.source import FileSource
from shared.permissions import ADMIN
from shared.tape.jetstream import JetStreamTape
from tests.e2e.conftest import run_over
from tests.e2e.desk import Workshop
from tests.real_data import real
from tests.servers import NatsUnderTest
from tests.tapes import connected, content, whole


async def recorded(state: Path) -> tuple[str, list[tuple[object, ...]]]:
    """Read the tape that a desk left in its state folder."""
    with EmbeddedNats(state) as server:
        login = NatsUnderTest(server.url, {ADMIN: server.login(ADMIN)})
        async with connected(login) as client:
            tape = await JetStreamTape.open(client)
            return tape.id, content(await whole(tape))


def assert_both_write_the_same(workshop: Workshop, path: Path) -> None:
    state = workshop.path / "state"
    outcome = workshop.run(*run_over(path), "--state", str(state))
    tape_id, distributed = asyncio.run(recorded(state))

    effective = json.loads((state / "run" / "config.json").read_text(encoding="utf-8"))
    desk = DeskConfiguration.model_validate(effective)
    source = FileSource([path], None)
    alone = play(desk, tape_id, source.timeframe, source.slices(-1))

    one = content([alone.entry(seq) for seq in range(1, alone.last_seq + 1)])
    assert outcome.document["tape"]["last"] == len(one)
    assert outcome.document["fills"] > 10
    for ours, theirs in zip(one, distributed, strict=True):
        assert ours == theirs


def test_a_made_up_day_with_two_strategies(workshop: Workshop, bars: Path) -> None:
    assert_both_write_the_same(workshop, bars)


@pytest.mark.slow
def test_real_bars_of_a_week(workshop: Workshop) -> None:
    assert_both_write_the_same(workshop, real("bars_1min/yahoo_2025-05.parquet"))
