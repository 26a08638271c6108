"""Who speaks: the leader at once, a standby after a silence."""

from shared.runtime.standby import TAKEOVER_S, Role


def test_who_is_alone_speaks_at_once() -> None:
    role = Role(0.0)

    assert role.is_alone
    assert role.may_speak(5.0, is_behind=True)


def test_a_standby_waits_for_the_leader_and_then_speaks() -> None:
    role = Role(0.25)

    assert not role.may_speak(5.0, is_behind=False)
    assert not role.may_speak(5.2, is_behind=False)
    assert role.patience_s(5.2) < 0.06
    assert role.may_speak(5.25, is_behind=False)


def test_a_standby_that_has_not_read_the_lane_waits_longer() -> None:
    role = Role(0.25)

    role.expect(5.0)
    assert not role.may_speak(5.9, is_behind=True)
    assert role.may_speak(6.0, is_behind=True)


def test_a_sign_of_the_leader_starts_the_wait_anew() -> None:
    role = Role(0.25)

    role.expect(5.0)
    role.heard()
    assert not role.may_speak(5.3, is_behind=False)
    assert role.patience_s(5.3) == 0.25


def test_a_leader_speaks_at_once_until_it_loses_the_fence() -> None:
    role = Role(0.25)

    role.win()
    assert role.may_speak(5.0, is_behind=True)
    role.lose()
    assert not role.may_speak(5.0, is_behind=False)


def test_who_was_alone_and_lost_the_fence_is_a_standby_as_others_are() -> None:
    role = Role(0.0)

    role.lose()
    assert not role.is_alone
    assert not role.may_speak(5.0, is_behind=False)
    assert role.may_speak(5.0 + TAKEOVER_S, is_behind=False)
