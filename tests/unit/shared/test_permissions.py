import itertools

import pytest

from shared.permissions import (
    ADMIN,
    CONSOLE,
    SERVICE_USERS,
    USERS,
    inbox_prefix,
    permissions,
)
from shared.subjects import SERVICES, SubjectError, matches

LANES = [f"{service}.main.event" for service in SERVICES]


def may_publish(user: str, subject: str, book: str = "main") -> bool:
    return any(matches(allowed, subject) for allowed in permissions(user, book).publish)


@pytest.mark.parametrize(
    ("user", "lanes"),
    [
        ("data", ["data"]),
        ("strategy", ["strategy"]),
        ("risk", ["risk"]),
        ("execution", ["execution", "broker"]),
        ("ledger", ["ledger"]),
        (CONSOLE, ["control"]),
        (ADMIN, list(SERVICES)),
    ],
)
def test_a_user_publishes_on_its_own_lanes_and_no_other(user: str, lanes: list[str]) -> None:
    assert [subject for subject in LANES if may_publish(user, subject)] == [
        f"{service}.main.event" for service in SERVICES if service in lanes
    ]


def test_no_two_services_can_write_one_lane() -> None:
    for one, other in itertools.combinations((*SERVICE_USERS, CONSOLE), 2):
        shared = [s for s in LANES if may_publish(one, s) and may_publish(other, s)]
        assert shared == [], f"{one} and {other}"


def test_the_strategy_service_speaks_on_its_own_control_lane_only() -> None:
    assert may_publish("strategy", "control.strategy.activate.demo")
    assert not may_publish("strategy", "control.console.kill")


@pytest.mark.parametrize("user", ["risk", "execution", "ledger"])
def test_a_user_of_one_book_cannot_speak_for_another(user: str) -> None:
    assert may_publish(user, f"{user}.main.state")
    assert not may_publish(user, f"{user}.other.state")
    assert may_publish(user, f"{user}.other.state", book="other")


@pytest.mark.parametrize("user", [u for u in USERS if u != ADMIN])
@pytest.mark.parametrize(
    "verb", ["CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"]
)
def test_nobody_but_admin_changes_a_stream(user: str, verb: str) -> None:
    for stream in ("TAPE", "SNAPSHOTS"):
        assert not may_publish(user, f"$JS.API.STREAM.{verb}.{stream}")


@pytest.mark.parametrize("user", USERS)
def test_everybody_reads_the_tape_and_hears_the_answers(user: str) -> None:
    assert may_publish(user, "$JS.API.STREAM.MSG.GET.TAPE")
    assert may_publish(user, "$JS.API.CONSUMER.CREATE.TAPE.reader.risk.>")
    assert may_publish(user, "$JS.API.CONSUMER.MSG.NEXT.TAPE.reader")
    heard = permissions(user, "main").subscribe
    assert any(matches(allowed, f"{inbox_prefix(user)}.x.1") for allowed in heard)


def test_nobody_hears_the_answers_meant_for_another() -> None:
    for listener, speaker in itertools.permutations([u for u in USERS if u != ADMIN], 2):
        heard = permissions(listener, "main").subscribe
        assert not any(matches(allowed, f"{inbox_prefix(speaker)}.x.1") for allowed in heard)


def test_snapshots_are_kept_for_own_lanes_only() -> None:
    assert may_publish("execution", "snapshot.broker.main")
    assert not may_publish("strategy", "snapshot.risk.main")
    assert not may_publish("strategy", "snapshot.control.strategy")
    assert not may_publish(CONSOLE, "snapshot.control.console")


def test_an_unknown_user_and_an_impossible_book_are_refused() -> None:
    with pytest.raises(SubjectError, match="unknown user 'nobody'"):
        permissions("nobody", "main")
    with pytest.raises(SubjectError, match="cannot name an actor"):
        permissions("risk", "main.>")
