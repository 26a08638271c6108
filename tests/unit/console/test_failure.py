import pytest

from console.failure import INTERRUPTED, ServiceFailedError, exit_code, explained
from shared.domain.errors import DataError, UnavailableError


def test_a_service_that_ended_gives_its_own_exit_code_unless_it_was_killed() -> None:
    assert exit_code(ServiceFailedError("risk", 2, "x")) == 2
    assert exit_code(ServiceFailedError("risk", -9, "x")) == 1
    assert exit_code(UnavailableError("x")) == 3


def test_a_failure_is_one_sentence_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end, explained():
        raise DataError("bars.csv: row 1 is bad")
    assert end.value.code == 2
    assert capsys.readouterr() == ("", "error: bars.csv: row 1 is bad\n")


def test_a_failure_is_found_within_groups(capsys: pytest.CaptureFixture[str]) -> None:
    inner = ExceptionGroup("tasks", [UnavailableError("NATS is away")])
    with pytest.raises(SystemExit) as end, explained():
        raise ExceptionGroup("more tasks", [inner])
    assert end.value.code == 3
    assert capsys.readouterr().err == "error: NATS is away\n"


def test_what_is_our_own_mistake_is_not_hidden() -> None:
    with pytest.raises(ExceptionGroup), explained():
        raise ExceptionGroup("tasks", [KeyError("oops")])


def test_ctrl_c_is_no_failure() -> None:
    with pytest.raises(SystemExit) as end, explained():
        raise KeyboardInterrupt
    assert end.value.code == INTERRUPTED
