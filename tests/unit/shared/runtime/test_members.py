"""Who hosts what: every member computes the same, and only what must moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.members import owner_of
from shared.subjects import lane

LANES = [lane("strategy", f"s{number}") for number in range(200)]
names = st.lists(st.text("abcdef0123456789-", min_size=1, max_size=8), min_size=1, unique=True)


def test_nobody_owns_where_nobody_is() -> None:
    assert owner_of(LANES[0], []) is None


@given(names)
def test_the_order_of_the_list_does_not_matter(members: list[str]) -> None:
    assert [owner_of(one, members) for one in LANES] == [
        owner_of(one, members[::-1]) for one in LANES
    ]


@given(names, st.data())
def test_who_leaves_moves_his_own_actors_and_no_other(
    members: list[str], data: st.DataObject
) -> None:
    gone = data.draw(st.sampled_from(members))
    rest = [member for member in members if member != gone]

    for one in LANES:
        before = owner_of(one, members)
        assert before == gone or owner_of(one, rest) == before


@pytest.mark.parametrize("count", [2, 3, 8])
def test_the_work_is_spread(count: int) -> None:
    members = [f"member-{number}" for number in range(count)]
    shares = [sum(owner_of(one, members) == member for one in LANES) for member in members]

    assert sum(shares) == len(LANES)
    assert min(shares) > len(LANES) / count / 3
