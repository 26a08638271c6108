"""What the exit code of a service, and of the console, says about the error that ended it."""

from enum import IntEnum

from shared.domain.errors import (
    ConfigurationError,
    DataError,
    InvariantError,
    UnavailableError,
)
from shared.tape.interface import (
    DivergenceError,
    FenceLostError,
    NoVerdictError,
    TapeFullError,
)


class Exit(IntEnum):
    """What the exit code says."""

    OK = 0
    UNEXPECTED = 1
    BAD_INPUT = 2
    UNAVAILABLE = 3
    STOPPED_SAFE = 4  # fence lost, divergence or broken invariant: restart from the tape


def exit_of(error: BaseException) -> Exit:
    """Return the code that fits the error."""
    match error:
        case ConfigurationError() | DataError():
            return Exit.BAD_INPUT
        case UnavailableError() | TapeFullError() | NoVerdictError():
            return Exit.UNAVAILABLE
        case InvariantError() | FenceLostError() | DivergenceError():
            return Exit.STOPPED_SAFE
        case _:
            return Exit.UNEXPECTED


def first_of(error: BaseException) -> BaseException:
    """Return the first error within groups: the one that ended the others."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
