import subprocess
import sys

import pytest

from console import cli


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(sys, "argv", ["tapedeck", *arguments])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return end.value.code


def test_the_version_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("version", "--json", monkeypatch=monkeypatch) == 0
    assert capsys.readouterr().out.startswith('{"version": ')


@pytest.mark.parametrize("arguments", [("nope",), ("up", "--nope"), ("tape", "show", "x")])
def test_a_wrong_command_line_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(*arguments, monkeypatch=monkeypatch) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("arguments", [(), ("tape",)])
def test_a_bare_command_prints_its_help_and_no_complaint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(*arguments, monkeypatch=monkeypatch) == 2
    told = capsys.readouterr()
    assert "Usage:" in told.out
    assert told.err == ""


def test_help_imports_neither_nats_nor_a_database() -> None:
    heavy = ("nats", "sqlalchemy", "pydantic", "pyarrow", "uvloop", "opentelemetry")
    script = f"import console.cli, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
