"""Who hosts what: everybody computes the same, and who comes or goes moves only his own."""

from hypothesis import given
from hypothesis import strategies as st

from shared.runtime.members import default_instance, owner_of
from shared.subjects import lane

NAMES = st.text("abcdefgh-_.0123456789", min_size=1, max_size=12)
MEMBERS = st.lists(NAMES, min_size=1, max_size=8, unique=True)
LANES = [lane("strategy", f"s{i}") for i in range(40)] + [lane("strategy", "wide~2of4")]


@given(MEMBERS)
def test_the_owner_does_not_depend_on_the_order_of_the_members(members: list[str]) -> None:
    shuffled = sorted(members, key=lambda name: name[::-1])
    for one in LANES:
        assert owner_of(one, members) == owner_of(one, shuffled)
        assert owner_of(one, members) in members


@given(MEMBERS, NAMES)
def test_who_leaves_moves_only_his_own_actors(members: list[str], gone: str) -> None:
    staying = [name for name in members if name != gone]
    for one in LANES:
        before = owner_of(one, [*staying, gone])
        if before != gone:
            assert owner_of(one, staying) == before


@given(MEMBERS, NAMES)
def test_who_joins_takes_actors_and_none_moves_between_the_others(
    members: list[str], new: str
) -> None:
    before = [name for name in members if name != new]
    for one in LANES:
        after = owner_of(one, [*before, new])
        assert after in (new, owner_of(one, before))


def test_the_actors_are_spread() -> None:
    members = [f"strategy-{i}" for i in range(1, 5)]
    lanes = [lane("strategy", f"s{i}") for i in range(400)]
    counts = [sum(owner_of(one, members) == name for one in lanes) for name in members]
    assert min(counts) > 60, counts


def test_without_members_nobody_owns_anything() -> None:
    assert owner_of(LANES[0], []) is None


def test_who_was_given_no_name_has_one_of_its_own() -> None:
    assert default_instance() == default_instance()
