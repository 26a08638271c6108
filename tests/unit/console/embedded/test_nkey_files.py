import stat
from pathlib import Path

import pytest

from console.embedded.nkey_files import read_key, seed_path, user_keys
from shared.domain.errors import UnavailableError


def test_keys_are_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    first = user_keys(tmp_path, ("risk", "data"))
    again = user_keys(tmp_path, ("risk", "data"))

    assert {user: key.public for user, key in first.items()} == {
        user: key.public for user, key in again.items()
    }
    assert first["risk"].public != first["data"].public
    for user in first:
        assert stat.S_IMODE(seed_path(tmp_path, user).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "nkeys").stat().st_mode) == 0o700


def test_a_removed_file_rotates_one_key_and_no_other(tmp_path: Path) -> None:
    old = user_keys(tmp_path, ("risk", "data"))
    seed_path(tmp_path, "risk").unlink()
    new = user_keys(tmp_path, ("risk", "data"))

    assert new["risk"].public != old["risk"].public
    assert new["data"].public == old["data"].public


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    user_keys(tmp_path, ("risk",))
    seed_path(tmp_path, "risk").write_text("SUnonsense")

    with pytest.raises(UnavailableError, match=r"risk\.nk is damaged: remove it"):
        user_keys(tmp_path, ("risk",))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"cannot read .*console\.nk"):
        read_key(seed_path(tmp_path, "console"))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "nkeys").write_text("")

    with pytest.raises(UnavailableError, match=r"cannot write .*risk\.nk"):
        user_keys(tmp_path, ("risk",))
