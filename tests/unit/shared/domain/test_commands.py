"""Rules for operators' commands."""

from shared.domain.commands import forget_oldest, is_first, lateness, newness


def test_a_command_is_first_once_as_long_as_it_is_remembered() -> None:
    known: dict[str, None] = {}
    assert [is_first(known, name, 2) for name in ("a", "b", "a", "c", "a")] == [
        True,
        True,
        False,
        True,
        True,
    ]


def test_a_command_is_late_after_its_time() -> None:
    assert lateness(0, 10) == ""
    assert lateness(10, 10) == ""
    assert lateness(10, 2_000_000_010) == "recorded 2.000 s after its time"


def test_a_state_newer_than_what_was_seen_cannot_be_ended() -> None:
    assert newness(0, 0) == ""
    assert "names none" in newness(0, 7)
    assert newness(7, 7) == ""
    assert newness(8, 7) == ""
    assert "7" in newness(6, 7)


def test_beyond_the_capacity_the_oldest_tenth_is_forgotten() -> None:
    known = dict.fromkeys(str(number) for number in range(100))
    forget_oldest(known, 100)
    assert len(known) == 100
    known["new"] = None
    forget_oldest(known, 100)
    assert list(known) == [*(str(number) for number in range(11, 100)), "new"]
