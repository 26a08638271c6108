"""Speeds, and the facts that a slice makes."""

import asyncio

import pytest
import structlog
from nats.aio.client import Client

from shared.domain.errors import ConfigurationError
from shared.messages.codec import decode
from shared.runtime.feed import FeedPlayer, Pace, slice_facts, speed_of
from shared.tape.memory import MemoryTape
from tests import toy
from tests.tapes import TAPE_ID, content, whole


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("1x", 1.0), ("0.5x", 0.5)])
def test_a_speed_is_max_or_a_factor(text: str, speed: float | None) -> None:
    assert speed_of(text) == speed


@pytest.mark.parametrize("text", ["", "x", "60", "-1x", "0x", "nanx", "infx", "fast"])
def test_any_other_speed_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="'max' or a factor such as '60x'"):
        speed_of(text)


def test_the_same_slice_makes_the_same_facts_with_distinct_ids() -> None:
    part = toy.slices(1)[0]
    facts = slice_facts(TAPE_ID, toy.FEED, part)

    assert facts == slice_facts(TAPE_ID, toy.FEED, part)
    assert [(f.index, f.count) for f in facts] == [(0, 4), (1, 4), (2, 4), (3, 4)]
    heads = [decode(f.payload)[0] for f in facts]
    assert len({head.id for head in heads}) == 4
    assert {head.ts_ns for head in heads} == {part.ts_ns}


def test_a_slice_is_due_by_event_time_and_a_night_takes_a_second() -> None:
    async def scenario() -> None:
        pace, minute_ns = Pace(60.0), 60_000_000_000
        pace.aim(minute_ns)
        assert pace.wait_s() == pytest.approx(0.0, abs=0.05)
        pace.aim(2 * minute_ns)
        assert pace.wait_s() == pytest.approx(1.0, abs=0.05)
        pace.aim(1_000 * minute_ns)
        assert pace.wait_s() == pytest.approx(2.0, abs=0.05)

    asyncio.run(scenario())


def feed(tape: MemoryTape, count: int, standby_after_s: float) -> FeedPlayer:
    return FeedPlayer(
        tape=tape,
        client=Client(),
        lane=toy.FEED,
        source=toy.ListSource(toy.slices(count)),
        speed="6000x",
        participants=(),
        log=structlog.get_logger(),
        standby_after_s=standby_after_s,
    )


@pytest.mark.parametrize("dies_after", [0, 5, 20])
def test_a_standby_feed_goes_on_where_the_first_ends(dies_after: int) -> None:
    """Slices are a hundredth of a second apart; the standby leaves the word for a fifth."""

    async def scenario() -> None:
        alone, tape = MemoryTape(TAPE_ID), MemoryTape(TAPE_ID)
        await feed(alone, 20, 0.0).run()
        first, second = feed(tape, dies_after, 0.0), feed(tape, 20, 0.1)
        async with asyncio.TaskGroup() as group:
            group.create_task(first.run())
            group.create_task(second.run())
        assert content(await whole(tape)) == content(await whole(alone))

    asyncio.run(scenario())


def test_two_feeds_that_both_think_they_are_alone_repeat_nothing() -> None:
    async def scenario() -> None:
        tape = MemoryTape(TAPE_ID)
        async with asyncio.TaskGroup() as group:
            group.create_task(feed(tape, 20, 0.0).run())
            group.create_task(feed(tape, 20, 0.0).run())
        entries = await whole(tape)
        assert len(entries) == 80
        assert len({entry.payload for entry in entries}) == 80

    asyncio.run(scenario())
