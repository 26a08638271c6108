from pathlib import Path

import pytest

from console.desk import without_password
from console.embedded.nkey_files import user_keys
from console.home import DeskRecord, Home
from console.running import find_desk, with_password
from shared.domain.errors import UnavailableError
from shared.tape.client import Login


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TAPEDECK_CONFIG", "TAPEDECK_PROFILE"):
        monkeypatch.setenv(name, "")


def test_a_running_desk_is_found_with_the_operators_passwords(tmp_path: Path) -> None:
    home = Home(tmp_path)
    record = DeskRecord(
        pid=1, tape_id="0" * 16, book="mine", config_path="c", nats_url="nats://127.0.0.1:1",
        has_own_nats=True, postgres_url="postgresql://tapedeck@127.0.0.1:2/tapedeck",
        has_own_postgres=True, ports={},
    )  # fmt: skip
    with home.claim():
        home.write_record(record)
        home.credentials_path.write_text('{"postgres": {"tapedeck": "p/q"}}')
        key = user_keys(tmp_path, ["console"])["console"]
        place = find_desk(tmp_path)
    assert (place.book, place.nats.url) == ("mine", "nats://127.0.0.1:1")
    assert place.login == Login("console", seed=key.seed)
    assert place.postgres_url == "postgresql://tapedeck:p%2Fq@127.0.0.1:2/tapedeck"


def test_without_a_desk_the_configuration_must_name_both_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UnavailableError, match=r"no desk runs in .*tapedeck up"):
        find_desk(tmp_path)
    monkeypatch.setenv("TAPEDECK__NATS__URL", "nats://elsewhere:4222")
    monkeypatch.setenv("TAPEDECK__POSTGRES__URL", "postgresql://u:p@elsewhere/d")
    place = find_desk(tmp_path)
    assert place.record is None
    assert place.nats.url == "nats://elsewhere:4222"


def test_a_password_goes_into_a_url_and_out_again() -> None:
    bare = "postgresql://tapedeck@127.0.0.1:5432/tapedeck"
    assert without_password(with_password(bare, "a@b:c/d")) == bare
    assert without_password(bare) == bare
