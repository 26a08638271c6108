import pytest
from pydantic import ValidationError

from services.strategy.config import StrategyServiceSettings, StrategySettings
from shared.config.desk import load
from shared.domain.errors import ConfigurationError


def test_without_configuration_there_is_no_strategy() -> None:
    assert StrategyServiceSettings().strategies == {}


def test_an_instance_needs_only_what_it_uses() -> None:
    settings = StrategySettings(use="orb")
    assert (settings.symbols, settings.active, settings.timeframe) == (("*",), False, None)


@pytest.mark.parametrize("name", ["a.b", "a b", "", "~", "x" * 65])
def test_an_id_that_cannot_stand_in_a_subject_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        StrategyServiceSettings(strategies={name: StrategySettings(use="orb")})


def test_an_unknown_key_is_named() -> None:
    tables = {"strategies": {"one": {"use": "orb", "parms": {}}}}
    with pytest.raises(ConfigurationError, match=r"strategies\.one\.parms: unknown key"):
        load(StrategyServiceSettings, overrides=tables)


def test_the_demo_profile_names_strategies_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK_PROFILE", "demo")
    strategies = load(StrategyServiceSettings).strategies
    assert len(strategies) == 2
    assert all(settings.active for settings in strategies.values())
