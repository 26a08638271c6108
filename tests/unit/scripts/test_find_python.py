"""The search for an interpreter, on made-up machines: PATH holds what a test puts there."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.tidy.code import ROOT

SCRIPT = ROOT / "scripts" / "find-python"


class Machine:
    """A machine with nothing on PATH but what is installed here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "bin"
        self.path.mkdir()
        self.environment = {"HOME": str(folder / "home"), "PATH": str(self.path)}
        (self.path / "dirname").symlink_to(shutil.which("dirname") or "/usr/bin/dirname")

    def install(self, program: str, code: str) -> Path:
        path = self.folder / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{code}\n")
        path.chmod(0o755)
        return path

    def python(self, program: str) -> Path:
        """Install one that passes the check: it prints its own path."""
        return self.install(program, f"echo {self.folder / program}")

    def find(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(SCRIPT)], env=self.environment, capture_output=True, text=True, check=False
        )

    def found(self) -> str:
        return self.find().stdout.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_3_13_is_the_first_choice(machine: Machine) -> None:
    machine.python("bin/python3")
    machine.python("bin/python3.12")
    best = machine.python("bin/python3.13")

    assert machine.found() == str(best)


def test_an_old_python3_and_a_shim_that_fails_are_passed_over(machine: Machine) -> None:
    machine.install("bin/python3", "exit 1")
    machine.install("bin/python3.13", "echo 'command not found' >&2; exit 127")
    good = machine.python("bin/python3.12")

    assert machine.found() == str(good)


def test_pyenv_is_found_by_its_program_when_home_is_empty(machine: Machine) -> None:
    machine.install("pyenv/bin/pyenv", 'echo "$HOME/.pyenv"')
    machine.environment["PATH"] += f":{machine.folder}/pyenv/bin"
    machine.python("pyenv/versions/3.12.1/bin/python")
    best = machine.python("pyenv/versions/3.13.0/bin/python")

    assert machine.found() == str(best)


@pytest.mark.parametrize("place", ["home/.pyenv", "elsewhere"])
def test_pyenv_is_found_without_being_on_path(machine: Machine, place: str) -> None:
    machine.environment["PYENV_ROOT"] = str(machine.folder / "elsewhere")
    good = machine.python(f"{place}/versions/3.12.9/bin/python")

    assert machine.found() == str(good)


def test_uv_is_asked_last(machine: Machine) -> None:
    good = machine.python("managed/python")
    machine.install("bin/uv", f"echo {good}")

    assert machine.found() == str(good)


def test_a_named_python_wins_and_is_not_replaced_by_another(machine: Machine) -> None:
    machine.python("bin/python3.13")
    named = machine.python("mine/python")
    machine.environment["PYTHON"] = str(named)
    assert machine.found() == str(named)

    machine.environment["PYTHON"] = "python3.6"
    refused = machine.find()
    assert refused.returncode == 1
    assert refused.stderr.startswith("PYTHON=python3.6 cannot be used: a CPython 3.12 or later")


def test_what_is_missing_is_said_in_one_sentence(machine: Machine) -> None:
    missing = machine.find()

    assert missing.returncode == 1
    assert missing.stdout == ""
    assert missing.stderr.count("\n") == 1
    assert "Python 3.12 or later" in missing.stderr


def test_a_real_interpreter_passes_the_check() -> None:
    found = subprocess.run(
        [str(SCRIPT)], env=dict(os.environ), capture_output=True, text=True, check=True
    )

    assert Path(found.stdout.strip()).is_file()
