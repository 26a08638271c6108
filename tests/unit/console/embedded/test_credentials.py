import json
import stat
from pathlib import Path

import pytest

from console.embedded.credentials import FILE_NAME, forget, passwords
from shared.domain.errors import UnavailableError


def test_passwords_are_made_once_and_kept_for_the_owner_alone(tmp_path: Path) -> None:
    first = passwords(tmp_path / "state", "nats", ("risk", "data"))
    again = passwords(tmp_path / "state", "nats", ("risk", "data"))

    assert first.made == ("risk", "data")
    assert again.made == ()
    assert again.of == first.of
    assert len(set(first.of.values())) == 2
    mode = (tmp_path / "state" / FILE_NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_new_user_gets_a_password_and_the_others_keep_theirs(tmp_path: Path) -> None:
    old = passwords(tmp_path, "nats", ("risk",))
    passwords(tmp_path, "postgres", ("tapedeck",))
    new = passwords(tmp_path, "nats", ("risk", "ledger"))

    assert new.of["risk"] == old.of["risk"]
    assert new.made == ("ledger",)
    assert set(json.loads((tmp_path / FILE_NAME).read_text())) == {"nats", "postgres"}


def test_passwords_that_nobody_needs_any_more_are_removed(tmp_path: Path) -> None:
    passwords(tmp_path, "nats", ("risk",))
    kept = passwords(tmp_path, "postgres", ("tapedeck",))

    forget(tmp_path, "nats")
    forget(tmp_path, "nats")  # again changes nothing

    assert json.loads((tmp_path / FILE_NAME).read_text()) == {"postgres": kept.of}
    forget(tmp_path / "nowhere", "nats")


def test_a_password_is_not_in_the_repr(tmp_path: Path) -> None:
    made = passwords(tmp_path, "nats", ("risk",))

    assert made.of["risk"] not in repr(made)


@pytest.mark.parametrize("text", ["{", "[]", '{"nats": 1}'])
def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)

    with pytest.raises(UnavailableError, match=r"credentials\.json is damaged: remove it"):
        passwords(tmp_path, "nats", ("risk",))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match=r"cannot read .*file"):
        passwords(tmp_path / "file" / "state", "nats", ("risk",))
