import pytest

from shared.domain.errors import (
    ConfigurationError,
    DataError,
    InvariantError,
    TapedeckError,
    UnavailableError,
)
from shared.runtime.exits import Exit, exit_of, first_of
from shared.subjects import lane
from shared.tape.interface import DivergenceError, FenceLostError, NoVerdictError, TapeFullError

LANE = lane("risk", "main")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), Exit.BAD_INPUT),
        (DataError("x"), Exit.BAD_INPUT),
        (UnavailableError("x"), Exit.UNAVAILABLE),
        (TapeFullError("x"), Exit.UNAVAILABLE),
        (NoVerdictError("x"), Exit.UNAVAILABLE),
        (InvariantError("x", "y"), Exit.STOPPED_SAFE),
        (FenceLostError(LANE, 1, 2), Exit.STOPPED_SAFE),
        (DivergenceError(LANE, 1, "x", "y"), Exit.STOPPED_SAFE),
        (TapedeckError("x"), Exit.UNEXPECTED),
        (KeyError("x"), Exit.UNEXPECTED),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(error: Exception, code: Exit) -> None:
    assert exit_of(error) is code


def test_the_error_that_ended_a_group_is_found_within_groups() -> None:
    inner = DataError("row 1 is bad")
    assert first_of(ExceptionGroup("outer", [ExceptionGroup("inner", [inner])])) is inner
