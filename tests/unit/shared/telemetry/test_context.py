"""Trace context follows from the ids on the tape."""

import re

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import derive_id
from shared.telemetry.context import span_id, trace_id, traceparent

STORY = derive_id("0" * 16, "data.sim", "SPY@1", 0)
OWN = derive_id("0" * 16, "strategy.ema", STORY, 0)


def test_the_trace_of_a_message_is_its_story_and_the_span_is_its_own_id() -> None:
    assert traceparent(STORY, OWN) == f"00-{STORY}-{OWN[:16]}-01"


@given(st.text(), st.text())
def test_any_identity_makes_a_valid_traceparent(story: str, own: str) -> None:
    made = traceparent(story, own)
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", made)
    assert made == traceparent(story, own)


def test_ids_of_zeros_which_w3c_forbids_are_never_made() -> None:
    assert set(trace_id("0" * 32)) != {"0"}
    assert set(span_id("0" * 16 + "1" * 16)) != {"0"}
