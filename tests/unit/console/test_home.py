import json
import subprocess
import sys
from pathlib import Path

import pytest

from console.home import DeskRecord, Home, home_of, temporary_home
from shared.domain.errors import UnavailableError

RECORD = DeskRecord(
    pid=1, tape_id="0" * 16, book="main", config_path="c", nats_url="n", has_own_nats=True,
    postgres_url="p", has_own_postgres=True, ports={"risk": 1},
)  # fmt: skip


def test_a_record_is_found_while_its_desk_lives_and_not_after(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.claim():
        assert home.record() is None
        home.write_record(RECORD)
        assert Home(tmp_path).record() == RECORD
    assert home.record() is None
    assert not home.record_path.exists()


def test_a_folder_is_held_by_one_desk(tmp_path: Path) -> None:
    with (
        Home(tmp_path).claim(),
        pytest.raises(UnavailableError, match=r"in use by another desk \(process \d+\)"),
        Home(tmp_path).claim(),
    ):
        pass
    assert not Home(tmp_path).is_claimed()


def test_the_record_of_a_desk_that_was_killed_is_not_believed(tmp_path: Path) -> None:
    script = (
        "import os\nfrom pathlib import Path\nfrom console.home import Home\n"
        f"home = Home(Path({str(tmp_path)!r}))\n"
        "home.claim().__enter__()\nhome.record_path.write_text('{}')\nos._exit(9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == 9
    home = Home(tmp_path)
    assert home.record_path.exists()
    assert home.record() is None
    with home.claim():
        assert not home.record_path.exists()


def test_a_folder_that_nobody_made_has_no_desk(tmp_path: Path) -> None:
    assert Home(tmp_path / "nowhere").record() is None


def test_what_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="choose another with --state"):
        Home(tmp_path / "file" / "state").prepare()
    home = Home(tmp_path)
    with pytest.raises(UnavailableError, match=r"config\.json cannot be written"):
        home.write_config({})


def test_only_the_owner_may_read_what_is_kept(tmp_path: Path) -> None:
    home = Home(tmp_path / "state")
    home.prepare()
    home.write_config({"b": 1, "a": 2})
    assert home.path.stat().st_mode & 0o077 == 0
    assert home.config_path.stat().st_mode & 0o077 == 0
    assert list(json.loads(home.config_path.read_text())) == ["a", "b"]


def test_a_password_that_is_not_there_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.credentials_path.write_text('{"nats": {"console": "secret"}}')
    assert home.password("nats", "console") == "secret"
    with pytest.raises(UnavailableError, match="does not tell nats's password of risk"):
        home.password("nats", "risk")


def test_the_folder_is_named_by_option_then_environment_then_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAPEDECK_STATE", raising=False)
    assert home_of(None).path == tmp_path / ".tapedeck"
    monkeypatch.setenv("TAPEDECK_STATE", str(tmp_path / "named"))
    assert home_of(None).path == tmp_path / "named"
    assert home_of(tmp_path / "given").path == tmp_path / "given"


def test_a_temporary_folder_is_fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert temporary_home().path != temporary_home().path
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    with pytest.raises(UnavailableError, match="no temporary folder"):
        temporary_home()
