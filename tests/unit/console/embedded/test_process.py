import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from console.embedded import process
from console.embedded.process import Child, Directory, ensure_port_is_free, free_port
from shared.domain.errors import InvariantError, UnavailableError

LADDER = ((signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0))
SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEPER}"


def is_up(lines: list[str]) -> bool:
    return "up" in lines


type MakeChild = Callable[[Path], Child]


@pytest.fixture
def child_of() -> Iterator[MakeChild]:
    made: list[Child] = []

    def make(path: Path) -> Child:
        directory = Directory(path)
        directory.claim()
        made.append(Child("the sleeper", directory, str(path), LADDER))
        return made[-1]

    yield make
    for child in made:
        child.stop()
        child.directory.release()


def start(child: Child, code: str) -> int:
    child.spawn(
        [sys.executable, "-c", code, str(child.directory.path)], on_parent_death=signal.SIGTERM
    )
    child.wait_until(is_up, 10)
    assert child.pid is not None
    return child.pid


def test_a_folder_is_claimed_by_one_at_a_time_and_the_holder_is_named(tmp_path: Path) -> None:
    holder, late = Directory(tmp_path / "nats"), Directory(tmp_path / "nats")
    holder.claim()

    with pytest.raises(UnavailableError, match=rf"another desk \(process {os.getpid()}\)"):
        late.claim()

    holder.release()
    late.claim()
    late.release()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match=r"cannot write in .*file"):
        Directory(tmp_path / "file" / "nats").claim()


def test_a_long_log_is_set_aside_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LOG_BYTES_MAX", 10)
    directory = Directory(tmp_path)
    directory.log_path.write_text("more than ten bytes\n")

    log, start_of_new = directory.open_log()
    log.close()

    assert start_of_new == 0
    assert directory.log_path.with_suffix(".1").read_text() == "more than ten bytes\n"


def test_a_child_runs_in_a_session_of_its_own_and_stops_when_told(
    tmp_path: Path, child_of: MakeChild
) -> None:
    child = child_of(tmp_path)
    pid = start(child, SLEEPER)
    assert os.getsid(pid) == pid

    child.stop()

    assert child.pid is None
    assert not psutil.pid_exists(pid)
    assert not child.directory.pid_path.exists()
    child.stop()


def test_a_child_that_does_not_listen_is_killed_within_the_bound(
    tmp_path: Path, child_of: MakeChild
) -> None:
    child = child_of(tmp_path)
    start(child, STUBBORN)
    began = time.monotonic()

    child.stop()

    assert time.monotonic() - began < 4


def test_a_child_that_ends_at_its_start_is_reported_with_its_status(
    tmp_path: Path, child_of: MakeChild
) -> None:
    child = child_of(tmp_path)
    child.spawn([sys.executable, "-c", "raise SystemExit(3)"], on_parent_death=signal.SIGTERM)

    with pytest.raises(UnavailableError, match=r"the sleeper ended at its start \(status 3\)"):
        child.wait_until(is_up, 10)


def test_a_child_that_never_gets_ready_is_stopped(tmp_path: Path, child_of: MakeChild) -> None:
    child = child_of(tmp_path)
    child.spawn(
        [sys.executable, "-c", "import time; time.sleep(60)"], on_parent_death=signal.SIGTERM
    )
    pid = child.pid
    assert pid is not None

    with pytest.raises(UnavailableError, match=r"was not ready within 0.1 s"):
        child.wait_until(is_up, 0.1)
    assert not psutil.pid_exists(pid)


def test_a_server_left_behind_is_stopped_by_the_next_desk(
    tmp_path: Path, child_of: MakeChild
) -> None:
    left = child_of(tmp_path)
    pid = start(left, SLEEPER)
    left.directory.release()

    child_of(tmp_path).stop_leftover()

    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_stranger_with_the_number_of_a_server_is_left_alone(
    tmp_path: Path, child_of: MakeChild
) -> None:
    stranger = child_of(tmp_path / "stranger")
    pid = start(stranger, SLEEPER)
    child = child_of(tmp_path / "own")
    child.directory.pid_path.write_text(f"{pid}\n")

    child.stop_leftover()

    assert psutil.Process(pid).is_running()
    assert not child.directory.pid_path.exists()


def test_a_child_is_started_by_the_main_thread_only(tmp_path: Path, child_of: MakeChild) -> None:
    child = child_of(tmp_path)
    raised: list[BaseException] = []

    def start_it() -> None:
        try:
            child.spawn([sys.executable, "-c", SLEEPER], on_parent_death=signal.SIGTERM)
        except InvariantError as error:
            raised.append(error)

    thread = threading.Thread(target=start_it)
    thread.start()
    thread.join()

    assert len(raised) == 1


def test_a_free_port_is_not_one_that_clients_are_given() -> None:
    port = free_port()

    ensure_port_is_free("it", port)
    assert port in process.PORTS


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            UnavailableError, match=f"cannot listen on port {port}: address already"
        ):
            ensure_port_is_free("it", port)
