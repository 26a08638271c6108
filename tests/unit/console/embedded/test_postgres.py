import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from console.embedded import launch, postgres
from console.embedded.postgres import EmbeddedPostgres
from shared.domain.errors import UnavailableError


def test_a_socket_is_made_only_where_its_path_is_short_enough(tmp_path: Path) -> None:
    short = EmbeddedPostgres(tmp_path)._arguments()
    deep = EmbeddedPostgres(tmp_path / ("x" * 100))._arguments()

    assert f"unix_socket_directories={tmp_path}/postgres" in short
    assert "unix_socket_directories=" in deep


def test_settings_are_laid_on_top(tmp_path: Path) -> None:
    arguments = EmbeddedPostgres(tmp_path, settings={"max_connections": "7"})._arguments()

    assert "max_connections=7" in arguments
    assert "max_connections=50" not in arguments


def test_it_never_listens_beyond_this_machine_and_keeps_fsync(tmp_path: Path) -> None:
    arguments = EmbeddedPostgres(tmp_path)._arguments()

    assert "listen_addresses=127.0.0.1" in arguments
    assert not any("fsync" in argument for argument in arguments)


def test_variables_of_another_postgres_do_not_reach_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "elsewhere")
    monkeypatch.setenv("PGOPTIONS", "-c fsync=off")

    assert not any(name.startswith("PG") for name in postgres._environment())


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["LOG:  starting", "FATAL:  could not create lock file"], "could not create lock file"),
        (["initdb: error: directory exists"], "directory exists"),
        (["LOG:  starting"], ""),
    ],
)
def test_the_servers_own_complaint_is_found(lines: list[str], said: str) -> None:
    assert postgres._complaint(lines) == said


def test_a_refused_namespace_says_what_to_do() -> None:
    lines = [f"{launch.REFUSAL}: Operation not permitted"]

    text = postgres._with_reason(UnavailableError("it ended"), lines)

    assert "TAPEDECK__POSTGRES__URL" in text


def lock_of(folder: Path, pid: int) -> Path:
    lock = folder / "postgres" / "data" / "postmaster.pid"
    lock.parent.mkdir(parents=True)
    lock.write_text(f"{pid}\nthe rest\n")
    return lock


def test_a_lock_file_with_the_number_of_a_stranger_gets_ours(tmp_path: Path) -> None:
    lock = lock_of(tmp_path, os.getppid())

    EmbeddedPostgres(tmp_path)._take_over_lock()

    assert lock.read_text() == f"{os.getpid()}\nthe rest\n"


def test_a_lock_file_of_a_server_that_nobody_buried_gets_our_number(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        lock = lock_of(tmp_path, dead.pid)
        while psutil.Process(dead.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)

        EmbeddedPostgres(tmp_path)._take_over_lock()

        assert lock.read_text() == f"{os.getpid()}\nthe rest\n"


def test_a_lock_file_of_a_server_that_was_killed_stays_for_the_next_to_judge(
    tmp_path: Path,
) -> None:
    lock = lock_of(tmp_path, 4194303999)

    EmbeddedPostgres(tmp_path)._take_over_lock()

    assert lock.read_text() == "4194303999\nthe rest\n"
