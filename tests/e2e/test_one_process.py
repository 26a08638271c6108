"""The distributed desk writes the tape that one process writes, message for message; and a
backtest, which writes none, finds the same fills and the same account.
"""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from console.backtest.engine import run
from console.backtest.result import Fill
from console.configuration import DeskConfiguration
from console.embedded.nats import EmbeddedNats
from console.in_process import play
from services.data.files.source import FileSource
from shared.messages.orders import Filled
from shared.permissions import ADMIN
from shared.tape.jetstream import JetStreamTape
from shared.tape.memory import MemoryTape
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
    assert_a_backtest_finds(outcome.result, alone, run(desk, source, tape_id=tape_id).fills)
    up, *options = run_over(path)
    assert up == "up"
    options.remove("--until-done")
    told = workshop.run("backtest", *options).result
    told.pop("stats", None)
    assert told == outcome.result


def assert_a_backtest_finds(
    outcome: dict[str, Any], tape: MemoryTape, fills: Sequence[Fill]
) -> None:
    opened = [(seq, *tape.entry(seq).open()) for seq in range(1, tape.last_seq + 1)]
    told = [one for one in opened if isinstance(one[2], Filled)]
    assert len(told) == len(fills) == outcome["fills"]
    for (seq, stamp, message), fill in zip(told, fills, strict=True):
        assert isinstance(message, Filled)
        assert (fill.seq, fill.ts_ns) == (seq, stamp.ts_ns)
        assert (fill.order_id, fill.strategy_id) == (message.order_id, message.strategy_id)
        assert (fill.quantity, fill.price) == (message.quantity, message.price)
        assert fill.fees == message.commission + message.fees


def test_a_made_up_day_with_two_strategies(workshop: Workshop, bars: Path) -> None:
    assert_both_write_the_same(workshop, bars)


@pytest.mark.slow
def test_real_bars_of_a_week(workshop: Workshop) -> None:
    assert_both_write_the_same(workshop, real("bars_1min/yahoo_2025-05.parquet"))
