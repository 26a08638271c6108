"""Where trials run: processes of this machine, or a Ray cluster."""

import logging
import multiprocessing
import signal
import socket
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from console.optimize.trials import Bench, Outcome, Task, Trials
from shared.domain.errors import ConfigurationError, UnavailableError

CONNECT_S = 5.0


class Farm(Protocol):
    """Runs several trials at once."""

    def run(self, tasks: Sequence[Task]) -> list[Outcome]:
        """Return the outcomes in the order of the tasks."""
        ...


class _Processes:
    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(self, tasks: Sequence[Task]) -> list[Outcome]:
        return list(self._pool.map(_run, tasks))


_trials: Trials | None = None  # one a process, made by the pool's initializer


def _begin(bench: Bench) -> None:
    global _trials  # noqa: PLW0603 - how a pool's processes get their state
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command to answer
    _trials = Trials(bench)


def _run(task: Task) -> Outcome:
    assert _trials is not None
    return _trials.run(task)


@contextmanager
def processes(bench: Bench, jobs: int) -> Iterator[Farm]:
    """Yield a farm of `jobs` processes; each reads the bars once."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_begin, initargs=(bench,)
    ) as pool:
        yield _Processes(pool)


@contextmanager
def cluster(bench: Bench, address: str) -> Iterator[Farm]:
    """Yield the Ray cluster at an address ("auto": the one of this machine).

    The bars travel to its nodes once, through Ray's object store; a strategy by import path must
    be importable there. Raises ConfigurationError where Ray is not installed, UnavailableError
    when no cluster answers.
    """
    try:
        import ray  # noqa: PLC0415 - 200 MB, and only here
    except ImportError:
        raise ConfigurationError(
            "--ray needs the package ray: install it with `uv pip install ray`"
        ) from None
    _ensure_somebody_listens(address)
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UnavailableError(f"no Ray cluster at {address}: {error}") from None
    try:
        yield _Cluster(ray, bench)
    finally:
        ray.shutdown()


def _ensure_somebody_listens(address: str) -> None:
    """Ray itself would try for minutes."""
    host, colon, port = address.rpartition("//")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return  # "auto", "local"
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except OSError as error:
        raise UnavailableError(f"no Ray cluster at {address}: {error.strerror or error}") from None


class _Cluster:
    def __init__(self, ray: Any, bench: Bench) -> None:  # noqa: ANN401 - Ray has no types
        self._ray = ray
        packed = ray.put(Path(bench.bars_path).read_bytes())
        self._work = ray.remote(num_cpus=1)(_Remote)
        count = max(int(ray.cluster_resources().get("CPU", 1)), 1)
        self._actors = [self._work.remote(bench, packed) for _ in range(count)]

    def run(self, tasks: Sequence[Task]) -> list[Outcome]:
        pool = self._ray.util.ActorPool(self._actors)
        found: list[Outcome] = list(pool.map(lambda actor, task: actor.run.remote(task), tasks))
        return found


class _Remote:
    """One process of a cluster."""

    def __init__(self, bench: Bench, packed: bytes) -> None:
        self._trials = Trials(bench, packed)

    def run(self, task: Task) -> Outcome:
        return self._trials.run(task)
