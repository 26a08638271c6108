"""Configuration is refused by the name of the bad key, and its sources win in one order."""

import json
import os
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from shared.config.desk import DeskSettings, Secret, Section, load, merge
from shared.domain.errors import ConfigurationError


class ToyRisk(Section):
    """A service's own section."""

    max_daily_loss: int = Field(default=1, gt=0)
    max_positions: int = 10
    api_key: Secret | None = None


class ToySettings(DeskSettings):
    """What a service types."""

    risk: ToyRisk = ToyRisk()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("TAPEDECK"):
            monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "desk.toml"
    path.write_text("")
    monkeypatch.setenv("TAPEDECK_CONFIG", str(path))
    return path


def test_defaults_are_a_paper_desk_on_this_machine() -> None:
    settings = load(ToySettings)
    assert settings.mode == "paper"
    assert settings.nats.url.startswith("nats://127.0.0.1")
    assert settings.health.host == "127.0.0.1"


def test_the_file_wins_over_the_default(file: Path) -> None:
    file.write_text("[risk]\nmax_daily_loss = 2\n")
    assert load(ToySettings).risk.max_daily_loss == 2


def test_the_environment_wins_over_the_file_key_by_key(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[risk]\nmax_daily_loss = 2\nmax_positions = 2\n")
    monkeypatch.setenv("TAPEDECK__RISK__MAX_DAILY_LOSS", "3")
    risk = load(ToySettings).risk
    assert (risk.max_daily_loss, risk.max_positions) == (3, 2)


def test_an_override_wins_over_everything_key_by_key(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("[risk]\nmax_daily_loss = 2\n[nats]\nuser = 'desk'\n")
    monkeypatch.setenv("TAPEDECK__RISK__MAX_DAILY_LOSS", "3")
    monkeypatch.setenv("TAPEDECK__RISK__MAX_POSITIONS", "3")
    settings = load(ToySettings, overrides={"risk": {"max_daily_loss": 4}})
    assert (settings.risk.max_daily_loss, settings.risk.max_positions) == (4, 3)
    assert settings.nats.user == "desk"


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "profiles" / "toy.toml"
    path.parent.mkdir()
    path.write_text("")
    monkeypatch.setattr(resources, "files", lambda _package: tmp_path)
    monkeypatch.setenv("TAPEDECK_PROFILE", "toy")
    return path


def test_the_file_wins_over_the_profile_and_the_profile_over_the_default(
    file: Path, profile: Path
) -> None:
    profile.write_text("[risk]\nmax_daily_loss = 2\nmax_positions = 2\n")
    file.write_text("[risk]\nmax_daily_loss = 3\n")
    risk = load(ToySettings).risk
    assert (risk.max_daily_loss, risk.max_positions) == (3, 2)


def test_an_unknown_profile_is_refused_with_the_known_ones(
    profile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEDECK_PROFILE", "tyo")
    with pytest.raises(ConfigurationError, match=f"unknown profile 'tyo': one of {profile.stem}"):
        load(ToySettings)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("colour = 1", "colour: unknown key"),
        ("[nats]\nurll = 'x'", r"nats\.urll: unknown key"),
        ("[risk]\nmax_dayly_loss = 1", r"risk\.max_dayly_loss: unknown key"),
        ("[health]\nrisk_port = 70000", r"health\.risk_port: input should be less than or equal"),
        ("[health]\nrisk_port = 'http'", r"health\.risk_port: input should be a valid integer"),
        ("[health]\nstale_after_s = 0", r"health\.stale_after_s"),
        ("[health]\nstale_after_s = nan", r"health\.stale_after_s"),
        ("[telemetry]\nlog_level = 'LOUD'", r"telemetry\.log_level"),
        ("[tape]\nid = 'short'", r"tape\.id"),
        ("mode = 'real'", "mode: input should be 'paper' or 'live'"),
        ("book = 'a.b'", "book"),
        ("[risk]\nmax_daily_loss = 'much'", r"risk\.max_daily_loss"),
        ("risk = 3", "risk"),
        ("[nats]\npassword = 'your_password_here'", r"nats\.password: is a placeholder"),
        ("[risk]\napi_key = 'CHANGE-ME'", r"risk\.api_key: is a placeholder"),
        ("[risk]\napi_key = '<key>'", r"risk\.api_key: is a placeholder"),
        ("[postgres]\nurl = 'postgresql://a:xxxx@b/c'", r"postgres\.url: is a placeholder"),
    ],
)
def test_a_bad_value_in_the_file_is_refused_by_its_key(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=f"^{said}"):
        load(ToySettings)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TAPEDECK__RSIK__MAX_DAILY_LOSS", "5", "TAPEDECK__RSIK__MAX_DAILY_LOSS: unknown key"),
        ("TAPEDECK__COLOUR", "5", "TAPEDECK__COLOUR: unknown key 'colour'"),
        ("TAPEDECK__RISK__MAX_DAYLY_LOSS", "5", r"risk\.max_dayly_loss: unknown key"),
        ("TAPEDECK__NATS__URLL", "x", r"nats\.urll: unknown key"),
        ("TAPEDECK__HEALTH__RISK_PORT", "99999", r"health\.risk_port"),
        ("TAPEDECK__RISK__API_KEY", "your_key_here", r"risk\.api_key: is a placeholder"),
        ("TAPEDECK__RISK", "[", "risk"),
    ],
)
def test_a_bad_value_in_the_environment_is_refused_by_its_key(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=said):
        load(ToySettings)


def test_a_bad_override_is_refused_by_its_key() -> None:
    with pytest.raises(ConfigurationError, match=r"risk\.max_dayly_loss: unknown key"):
        load(ToySettings, overrides={"risk": {"max_dayly_loss": 4}})


def test_all_that_is_wrong_is_said_at_once(file: Path) -> None:
    file.write_text("colour = 1\n[health]\nrisk_port = -1\n")
    with pytest.raises(ConfigurationError, match=r"health\.risk_port.*; colour"):
        load(ToySettings)


def test_a_service_does_not_judge_the_sections_of_the_others(file: Path) -> None:
    file.write_text("[ledger]\nanything = 'goes'\n")
    assert load(ToySettings).ledger == {"anything": "goes"}


@pytest.mark.parametrize("value", ["hunter2", "your_password_hunter2"])
def test_a_refusal_does_not_print_a_secret(file: Path, value: str) -> None:
    file.write_text(f"[nats]\npassword = '{value}'\nurll = 1\n")
    with pytest.raises(ConfigurationError) as refused:
        load(ToySettings)
    assert "hunter2" not in str(refused.value)


def test_a_secret_is_masked_in_every_print() -> None:
    settings = load(ToySettings, overrides={"nats": {"password": "hunter2"}})
    prints = (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump()))
    assert not [text for text in prints if "hunter2" in text]
    assert settings.nats.password is not None
    assert settings.nats.password.get_secret_value() == "hunter2"


def test_settings_do_not_change_after_the_start() -> None:
    settings = load(ToySettings)
    with pytest.raises(ValidationError, match="frozen"):
        settings.nats.url = "nats://elsewhere"
    with pytest.raises(ValidationError, match="frozen"):
        settings.book = "other"


def test_a_json_file_is_read_like_a_toml_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "desk.json"
    path.write_text(json.dumps({"risk": {"max_daily_loss": 7}}))
    monkeypatch.setenv("TAPEDECK_CONFIG", str(path))
    assert load(ToySettings).risk.max_daily_loss == 7


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("absent.toml", None, "absent.toml: No such file"),
        ("bad.toml", "[risk", "bad.toml: "),
        ("bad.json", "{", "bad.json: "),
        ("list.json", "[]", "list.json: a table of sections is expected"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None, said: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    monkeypatch.setenv("TAPEDECK_CONFIG", str(path))
    with pytest.raises(ConfigurationError, match=said):
        load(ToySettings)


TABLES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
).filter(lambda made: isinstance(made, dict))


@given(TABLES, TABLES)
def test_merging_keeps_what_only_one_side_says_and_the_later_side_wins(
    base: dict[str, Any], over: dict[str, Any]
) -> None:
    merged = merge(base, over)
    assert set(merged) == set(base) | set(over)
    for key, value in merged.items():
        if key not in over:
            assert value == base[key]
        elif not isinstance(over[key], dict) or not isinstance(base.get(key), dict):
            assert value == over[key]
        else:
            assert value == merge(base[key], over[key])


@pytest.mark.parametrize(
    ("nats", "problem"),
    [
        ({"password": "p", "nkey_file": "f"}, "excludes password"),
        ({"nkey_seed": "s", "nkey_file": "f"}, "say the same"),
        ({"tls_cert_file": "c"}, "belong together"),
        ({"nkey_seed": "your_seed_here"}, "is a placeholder"),
    ],
)
def test_a_login_is_said_once_and_a_certificate_has_its_key(
    nats: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"^nats.*{problem}"):
        load(DeskSettings, overrides={"nats": nats})


def test_a_seed_is_masked() -> None:
    settings = load(DeskSettings, overrides={"nats": {"nkey_seed": "SUSECRET"}})
    assert "SUSECRET" not in repr(settings)
