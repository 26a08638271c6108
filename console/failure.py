"""From an exception to an exit code and one sentence."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from shared.domain.errors import TapedeckError

INTERRUPTED = 130  # the shells' code for a program that Ctrl-C ended


class ServiceFailedError(TapedeckError):
    """A service of the desk ended and will not be started again; `code` is its exit code."""

    def __init__(self, service: str, code: int, sentence: str) -> None:
        super().__init__(f"{service}: {sentence}")
        self.service = service
        self.code = code


def exit_code(error: BaseException) -> int:
    """Return the code that says what kind of error this is; a service's own where one ended."""
    from shared.runtime.exits import exit_of  # noqa: PLC0415 - slow to import, for errors only

    if isinstance(error, ServiceFailedError) and error.code > 0:
        return error.code
    return exit_of(error)


@contextmanager
def explained() -> Iterator[None]:
    """End the program with one sentence on standard error, and the exit code that fits."""
    try:
        yield
    except TapedeckError as error:
        end_with(error)
    except BaseExceptionGroup as group:
        from shared.runtime.exits import first_of  # noqa: PLC0415

        first = first_of(group)
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
