"""From an exception to an exit code and one sentence."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import (
    ConfigurationError,
    DataError,
    InvariantError,
    TapedeckError,
    UnavailableError,
)

INTERRUPTED = 130  # the shells' code for a program that Ctrl-C ended


class ServiceFailedError(TapedeckError):
    """A service of the desk ended and will not be started again; `code` is its exit code."""

    def __init__(self, service: str, code: int, sentence: str) -> None:
        super().__init__(f"{service}: {sentence}")
        self.service = service
        self.code = code


def exit_code(error: BaseException) -> int:
    """Return the code of `shared.runtime.service.Exit` that says what kind of error this is."""
    from shared.runtime.service import Exit  # noqa: PLC0415 - slow to import, needed on errors only
    from shared.tape.interface import (  # noqa: PLC0415
        DivergenceError,
        FenceLostError,
        TapeFullError,
    )

    if isinstance(error, ServiceFailedError):
        return error.code if error.code > 0 else Exit.UNEXPECTED
    if isinstance(error, ConfigurationError | DataError):
        return Exit.BAD_INPUT
    if isinstance(error, UnavailableError | TapeFullError):
        return Exit.UNAVAILABLE
    if isinstance(error, InvariantError | FenceLostError | DivergenceError):
        return Exit.STOPPED_SAFE
    return Exit.UNEXPECTED


@contextmanager
def explained() -> Iterator[None]:
    """End the program with one sentence on standard error, and the exit code that fits."""
    try:
        yield
    except TapedeckError as error:
        end_with(error)
    except BaseExceptionGroup as group:
        first = _first(group)
        if not isinstance(first, TapedeckError):
            raise
        end_with(first)
    except BrokenPipeError:  # the reader of our output (`head`) has seen enough
        sys.stderr.close()
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def end_with(error: TapedeckError) -> None:
    """Print the sentence and end the program."""
    print(f"error: {error}", file=sys.stderr)
    sys.exit(exit_code(error))


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
