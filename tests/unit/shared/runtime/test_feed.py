"""Speeds, and the facts that a slice makes."""

import pytest

from shared.domain.errors import ConfigurationError
from shared.messages.codec import decode
from shared.runtime.feed import slice_facts, speed_of
from tests import toy
from tests.tapes import TAPE_ID


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
