import itertools

import pytest

from shared.permissions import (
    ADMIN,
    CONSOLE,
    GATEWAY,
    KILL_SUBJECT,
    MEMBERS_HOME,
    OPERATORS,
    SERVICE_USERS,
    USERS,
    VAULTS,
    account,
    answers_requests,
    inbox_prefix,
    permissions,
    renamed,
    ways,
)
from shared.subjects import SERVICES, SubjectError, matches

LANES = [f"{service}.main.event" for service in SERVICES]
ORDINARY = [user for user in USERS if user != ADMIN]


def may_publish(user: str, subject: str, book: str = "main") -> bool:
    said = renamed(subject)
    return any(matches(allowed, said) for allowed in permissions(user, book).publish)


def crosses(user: str, subject: str, into: str) -> bool:
    return any(
        matches(way.subject, subject) and way.into == into
        for way in ways("main")
        if user in way.speakers
    )


@pytest.mark.parametrize(
    ("user", "lanes"),
    [
        ("data", ["data"]),
        ("strategy", ["strategy"]),
        ("risk", ["risk", "analysis"]),
        ("execution", ["execution", "broker"]),
        ("ledger", ["ledger"]),
        (CONSOLE, []),
        (GATEWAY, []),
        (ADMIN, list(SERVICES)),
    ],
)
def test_a_user_publishes_on_its_own_lanes_and_no_other(user: str, lanes: list[str]) -> None:
    for subject in LANES:
        expected = subject.split(".")[0] in lanes
        assert may_publish(user, subject) == expected, subject
        assert crosses(user, subject, "TAPE") == expected, subject


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_commands_in_its_own_name(operator: str) -> None:
    assert may_publish(operator, f"control.{operator}.kill")
    assert [other for other in USERS if may_publish(other, f"control.{operator}.kill")] == [
        operator,
        ADMIN,
    ]


def test_no_two_services_can_write_one_lane() -> None:
    for one, other in itertools.combinations(ORDINARY, 2):
        shared = [s for s in LANES if may_publish(one, s) and may_publish(other, s)]
        assert shared == [], f"{one} and {other}"


def test_the_strategy_service_commands_its_own_instances_and_nothing_else() -> None:
    assert may_publish("strategy", "control.strategy.activate.demo")
    assert may_publish("strategy", "control.strategy.quarantine.demo")
    for command in ("kill", "resume", "flatten", "cancel.x", "set_limit.x"):
        assert not may_publish("strategy", f"control.strategy.{command}")
    assert not may_publish("strategy", "control.console.activate.demo")


@pytest.mark.parametrize("user", ["risk", "execution", "ledger"])
def test_a_user_of_one_book_cannot_speak_for_another(user: str) -> None:
    assert may_publish(user, f"{user}.main.state")
    assert not may_publish(user, f"{user}.other.state")
    assert may_publish(user, f"{user}.other.state", book="other")


@pytest.mark.parametrize("user", ORDINARY)
@pytest.mark.parametrize(
    "verb", ["CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "SNAPSHOT", "RESTORE"]
)
def test_nobody_but_admin_changes_a_stream(user: str, verb: str) -> None:
    for stream in VAULTS:
        assert not may_publish(user, f"$JS.API.STREAM.{verb}.{stream}")


@pytest.mark.parametrize("user", USERS)
def test_everybody_reads_the_tape_and_hears_the_answers(user: str) -> None:
    assert may_publish(user, "$JS.API.STREAM.MSG.GET.TAPE")
    assert may_publish(user, "$JS.API.CONSUMER.CREATE.TAPE.reader.risk.>")
    assert may_publish(user, "$JS.API.CONSUMER.MSG.NEXT.TAPE.reader")
    heard = permissions(user, "main").subscribe
    assert any(matches(allowed, f"{inbox_prefix(user)}.x.1") for allowed in heard)


def test_nobody_hears_the_answers_meant_for_another() -> None:
    for listener, speaker in itertools.permutations(ORDINARY, 2):
        heard = permissions(listener, "main").subscribe
        assert not any(matches(allowed, f"{inbox_prefix(speaker)}.x.1") for allowed in heard)


def test_snapshots_are_kept_of_own_actors_only_and_never_consumed() -> None:
    assert may_publish("execution", "snapshot.broker.main")
    assert may_publish("strategy", "snapshot.strategy.ema~1of2")
    for user, subject in [
        ("strategy", "snapshot.risk.main"),
        ("strategy", "snapshot.control.strategy"),
        ("risk", "snapshot.risk.other"),
        (CONSOLE, "snapshot.control.console"),
    ]:
        assert not may_publish(user, subject), f"{user} on {subject}"
    for user in ORDINARY:
        assert not may_publish(user, "$JS.API.CONSUMER.CREATE.SNAPSHOTS.x")


def test_lockstep_is_conducted_by_data_and_everybody_speaks_for_himself() -> None:
    assert crosses("data", "lockstep.grant.risk.main", "risk")
    assert crosses("risk", "lockstep.report.risk.main", "data")
    for user in ORDINARY:
        is_conductor = user == "data"
        assert may_publish(user, "lockstep.grant.execution.main") == is_conductor, user
        assert may_publish(user, "lockstep.call") == is_conductor, user
        assert may_publish(user, "lockstep.report.risk.main") == (user == "risk"), user
        assert may_publish(user, "lockstep.hello.risk.main") == (user == "risk"), user


def test_the_kill_switch_is_the_operators() -> None:
    assert [user for user in USERS if may_publish(user, KILL_SUBJECT)] == [*OPERATORS, ADMIN]
    answering = [user for user in USERS if answers_requests(user, "main")]
    assert answering == ["risk", "execution"]


def test_members_are_written_in_their_own_zone_only() -> None:
    writers = [user for user in ORDINARY if may_publish(user, "$KV.MEMBERS.host-1")]
    assert writers == [MEMBERS_HOME]
    assert all(may_publish(user, "$JS.API.STREAM.MSG.GET.KV_MEMBERS") for user in OPERATORS)
    assert not may_publish("risk", "$JS.API.STREAM.MSG.GET.KV_MEMBERS")


def test_only_the_tapes_pulls_have_many_answers() -> None:
    assert {way.subject for way in ways("main") if way.many} == {"$JS.API.CONSUMER.MSG.NEXT.TAPE.>"}


def test_no_two_ways_of_a_user_lead_one_message_twice_into_one_account() -> None:
    for user in USERS:
        mine = [way for way in ways("main") if user in way.speakers]
        for one, other in itertools.permutations(mine, 2):
            sample = one.subject.replace(">", "x.y").replace("*", "z")
            if one.into == other.into:
                assert not matches(other.subject, sample), f"{user}: {one} and {other}"


def test_a_call_has_its_streams_prefix_and_other_subjects_keep_their_names() -> None:
    assert renamed("$JS.API.STREAM.INFO.TAPE") == "TAPE.API.STREAM.INFO.TAPE"
    assert renamed("$JS.API.STREAM.MSG.GET.SNAPSHOTS") == "SNAPSHOTS.API.STREAM.MSG.GET.SNAPSHOTS"
    assert renamed("$JS.API.INFO") == "TAPE.API.INFO"
    assert renamed("risk.main.approved.SPY") == "risk.main.approved.SPY"


def test_every_user_and_every_vault_has_an_account_of_its_own() -> None:
    names = [account(name) for name in (*USERS, *VAULTS)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("user", SERVICE_USERS)
def test_an_impossible_book_is_refused(user: str) -> None:
    with pytest.raises(SubjectError, match="cannot name an actor"):
        permissions(user, "main.>")


def test_an_unknown_user_is_refused() -> None:
    with pytest.raises(SubjectError, match="unknown user 'nobody'"):
        permissions("nobody", "main")
