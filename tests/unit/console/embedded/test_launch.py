import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from console.embedded import launch

PARENT = """
import subprocess, sys, os, time
child = subprocess.Popen([
    sys.executable, "-I", "-S", sys.argv[1], str(os.getpid()), "15", "0",
    sys.executable, "-c", "import time; time.sleep(60)",
])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_alive(process: psutil.Process) -> bool:
    """A dead process may stay unburied where process 1 buries nobody."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_program_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, launch.__file__], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        deadline = time.monotonic() + 10
        while "launch.py" in " ".join(child.cmdline()) and time.monotonic() < deadline:
            time.sleep(0.01)
        parent.send_signal(signal.SIGKILL)

    while is_alive(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_program_whose_parent_is_gone_already_does_not_start() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", launch.__file__, "1", "15", "0", "/bin/echo", "started"],
        capture_output=True,
        check=False,
    )

    assert done.returncode == launch.EX_UNAVAILABLE
    assert done.stdout == b""


def test_a_refused_namespace_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(launch, "_appear_as_ordinary_user", refuse)

    with pytest.raises(SystemExit) as ended:
        launch.main(["1", "15", "1", "/bin/true"])

    assert ended.value.code == launch.EX_UNAVAILABLE
    assert capsys.readouterr().err == f"{launch.REFUSAL}: Operation not permitted\n"


def test_the_script_needs_nothing_but_the_standard_library() -> None:
    text = Path(launch.__file__).read_text(encoding="utf-8")

    assert "from " not in "".join(line for line in text.splitlines() if "import" in line)
