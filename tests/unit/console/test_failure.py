import pytest

from console.failure import INTERRUPTED, ServiceFailedError, exit_code, explained
from shared.domain.errors import (
    ConfigurationError,
    DataError,
    InvariantError,
    TapedeckError,
    UnavailableError,
)
from shared.subjects import lane
from shared.tape.interface import FenceLostError, TapeFullError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (DataError("x"), 2),
        (UnavailableError("x"), 3),
        (TapeFullError("x"), 3),
        (InvariantError("x", "y"), 4),
        (FenceLostError(lane("risk", "main"), 1, 2), 4),
        (ServiceFailedError("risk", 2, "x"), 2),
        (ServiceFailedError("risk", -9, "x"), 1),
        (TapedeckError("x"), 1),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(error: TapedeckError, code: int) -> None:
    assert exit_code(error) == code


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
