"""Bounds of the risk settings."""

import pytest
from pydantic import ValidationError

from services.risk.config import LIMITS, RiskSettings, with_overrides


def test_every_limit_an_operator_may_set_is_a_setting() -> None:
    assert set(LIMITS) <= set(RiskSettings.model_fields)


def test_overrides_are_text_and_checked_like_any_value() -> None:
    changed = with_overrides(RiskSettings(), {"max_open_positions": "3"})
    assert changed == RiskSettings(max_open_positions=3)
    with pytest.raises(ValueError, match="max_open_positions"):
        with_overrides(RiskSettings(), {"max_open_positions": "many"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("position_fraction", 0),
        ("position_fraction", 1.5),
        ("risk_per_trade", -0.1),
        ("max_open_positions", 0),
        ("max_daily_loss", "NaN"),
        ("max_gross_exposure", "Infinity"),
        ("max_price_age_s", 0),
        ("unheard_of", 1),
    ],
)
def test_values_out_of_range_are_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError):
        RiskSettings.model_validate({key: value})
