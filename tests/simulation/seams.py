"""The few places where the real code reads what a simulation must say instead.

Clocks, a jitter, how often snapshots are taken, and the digest of code that does not change while
a process runs. Everything is put back.
"""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from services.ledger.adapters import postgres
from shared.runtime import birth, runner, snapshots
from shared.runtime.digest import code_digest
from shared.tape import publisher
from tests.simulation.log import wall_ns

type Change = tuple[object, str, object]
"""Where, the name there, and what it is to be."""


@functools.cache
def _digest(packages: tuple[str, ...]) -> str:
    return code_digest(packages)


def _known_digest(packages: Iterable[str]) -> str:
    return _digest(tuple(packages))


class VirtualTime:
    """The loop's time, for code that asks a clock. Set once the loop is there."""

    def __init__(self) -> None:
        self.now_s: Callable[[], float] = float

    def monotonic_s(self) -> float:
        return self.now_s()

    def now_ns(self) -> int:
        return wall_ns(self.now_s())


@contextmanager
def seams(
    seed: int, time: VirtualTime, snapshot_every: int, faulty: Sequence[Change] = ()
) -> Iterator[None]:
    """Hold the seams for one round; `faulty` are parts that a test of the tests has broken."""
    changes: list[Change] = [
        (birth, "code_digest", _known_digest),
        (snapshots, "EVERY_MESSAGES", snapshot_every),
        (postgres, "monotonic_s", time.monotonic_s),
        (runner, "monotonic_s", time.monotonic_s),
        (runner, "now_ns", time.now_ns),
        *faulty,
    ]
    before = [(where, name, getattr(where, name)) for where, name, _ in changes]
    publisher._jitter.seed(seed)
    for where, name, value in changes:
        setattr(where, name, value)
    try:
        yield
    finally:
        for where, name, value in before:
            setattr(where, name, value)
