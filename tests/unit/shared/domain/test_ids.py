"""Identities are derived from causes, never from chance."""

import re

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.ids import ID_BYTES, client_order_id, derive_id

TAPE = "0123456789abcdef"


def test_an_id_is_pinned_because_tapes_hold_it() -> None:
    assert derive_id(TAPE, "risk.main", "ab" * 16, 0) == "aa2c3d6eae7620ffadcae85e1a3ff6fc"


@given(st.text(), st.text(), st.text(), st.integers(0, 1_000))
def test_the_same_cause_gives_the_same_id(tape: str, lane: str, cause: str, index: int) -> None:
    made = derive_id(tape, lane, cause, index)
    assert made == derive_id(tape, lane, cause, index)
    assert re.fullmatch(f"[0-9a-f]{{{2 * ID_BYTES}}}", made)


def test_each_part_of_the_origin_matters() -> None:
    origins = [
        (TAPE, "risk.main", "a", 0),
        ("f" * 16, "risk.main", "a", 0),
        (TAPE, "risk.other", "a", 0),
        (TAPE, "risk.main", "b", 0),
        (TAPE, "risk.main", "a", 1),
    ]
    assert len({derive_id(*origin) for origin in origins}) == len(origins)


def test_parts_do_not_run_into_each_other() -> None:
    assert derive_id(TAPE, "risk.main", "a1", 2) != derive_id(TAPE, "risk.main", "a", 12)


def test_a_broker_sees_which_desk_an_order_is_of_within_its_48_characters() -> None:
    made = client_order_id(TAPE, derive_id(TAPE, "execution.main", "a", 0))
    assert made.startswith("td-01234567-")
    assert len(made) <= 48
