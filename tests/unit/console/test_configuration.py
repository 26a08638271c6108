from pathlib import Path

import pytest
from pydantic import SecretStr

from console.configuration import (
    DeskConfiguration,
    Sources,
    clean_environment,
    effective,
    load_desk,
)
from shared.config.desk import NatsSettings, PostgresSettings
from shared.domain.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading notes its sources in the environment: put it back."""
    for name in ("TAPEDECK_CONFIG", "TAPEDECK_PROFILE"):
        monkeypatch.setenv(name, "")


def test_no_secret_stands_in_the_effective_document() -> None:
    desk = DeskConfiguration(
        nats=NatsSettings(password=SecretStr("hush")),
        postgres=PostgresSettings(url=SecretStr("postgresql://u:sssh@h/d")),
    )
    made = effective(desk)
    assert "hush" not in str(made.document)
    assert "sssh" not in str(made.document)
    assert made.secrets == {
        "TAPEDECK__NATS__PASSWORD": "hush",
        "TAPEDECK__POSTGRES__URL": "postgresql://u:sssh@h/d",
    }


def test_the_effective_document_means_the_same_as_what_it_was_made_of() -> None:
    desk = load_desk(Sources(profile="demo"))
    assert DeskConfiguration.model_validate(effective(desk).document) == desk


def test_a_named_server_is_not_started_here(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = load_desk(Sources())
    assert not desk.names_nats
    assert not desk.names_postgres
    monkeypatch.setenv("TAPEDECK__NATS__URL", "nats://elsewhere:4222")
    monkeypatch.setenv("TAPEDECK__POSTGRES__URL", "postgresql://elsewhere/tapedeck")
    desk = load_desk(Sources())
    assert desk.names_nats
    assert desk.names_postgres


def test_a_file_goes_before_the_default_profile(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    path.write_text('book = "mine"')
    desk = load_desk(Sources(config=path, default_profile="demo"))
    assert desk.book == "mine"
    assert not desk.strategies


def test_live_trading_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK__MODE", "live")
    with pytest.raises(ConfigurationError, match=r"^mode: live trading"):
        load_desk(Sources())


def test_a_service_inherits_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK__BOOK", "other")
    monkeypatch.setenv("SOMETHING_ELSE", "stays")
    kept = clean_environment()
    assert kept["SOMETHING_ELSE"] == "stays"
    assert not [name for name in kept if name.startswith("TAPEDECK_") and "SERVER" not in name]
