"""What the data service's settings accept and refuse."""

import pytest
from pydantic import ValidationError

from services.data.config import DataServiceSettings, DataSettings, SimSettings


def test_the_defaults_play_the_simulated_market() -> None:
    settings = DataServiceSettings()
    assert settings.data.feed == "sim"
    assert settings.data.speed == "60x"


@pytest.mark.parametrize("speed", ["max", "1x", "60x", "0.5x"])
def test_a_speed_is_max_or_a_factor(speed: str) -> None:
    assert DataSettings(speed=speed).speed == speed


@pytest.mark.parametrize("speed", ["", "fast", "60", "-1x", "1.x", "x"])
def test_any_other_speed_is_refused(speed: str) -> None:
    with pytest.raises(ValidationError, match="speed"):
        DataSettings(speed=speed)


@pytest.mark.parametrize(("speed", "lockstep"), [("max", False), ("60x", True)])
def test_full_speed_and_lockstep_belong_together(speed: str, lockstep: bool) -> None:
    with pytest.raises(ValidationError, match="belong together"):
        DataServiceSettings.model_validate(
            {"data": {"speed": speed}, "tape": {"lockstep": lockstep}}
        )


def test_full_speed_in_lockstep_is_accepted() -> None:
    settings = DataServiceSettings.model_validate(
        {"data": {"speed": "max"}, "tape": {"lockstep": True}}
    )
    assert settings.data.speed == "max"


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbols": ()},
        {"symbols": ("SPY", "SPY")},
        {"symbols": (" ",)},
        {"tick_s": 0},
        {"start": "1969-01-01"},
        {"sede": 8},
    ],
)
def test_a_market_that_cannot_be_simulated_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SimSettings.model_validate(wrong)
