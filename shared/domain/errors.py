"""The project's exceptions: one base, few classes, named fields.

Two kinds. `InvariantError` is ours: something this code promised does not hold, so the process
stops and restarts from the tape. Everything else is the world's, and carries one clear sentence
for the person who can mend it.
"""


class TapedeckError(Exception):
    """Base of every exception that this project raises on purpose."""


class InvariantError(TapedeckError):
    """A rule of docs/invariants.md does not hold: the process must stop."""

    def __init__(self, rule: str, detail: str) -> None:
        super().__init__(f"{rule}: {detail}")
        self.rule = rule


class ConfigurationError(TapedeckError):
    """The configuration cannot be used; the text says which key and what to do."""


class DataError(TapedeckError):
    """Market data handed to us cannot be used; the text names the file, row and column."""


class UnavailableError(TapedeckError):
    """A server (NATS, PostgreSQL) cannot be reached or refuses us; the text says what to do."""


def ensure(holds: bool, rule: str, detail: str) -> None:  # noqa: FBT001 - reads as an assertion
    """Stop the process when a rule does not hold. Unlike assert, -O keeps it."""
    if not holds:
        raise InvariantError(rule, detail)
