"""Bounds of the execution settings."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.execution.config import ExecutionSettings


@pytest.mark.parametrize(
    "value",
    [
        {"broker": "alpaca"},
        {"paper": {"starting_cash": 0}},
        {"paper": {"starting_cash": "Infinity"}},
        {"paper": {"slippage_bps": -1}},
        {"paper": {"participation": 0}},
        {"paper": {"leverage": 5}},
        {"paper": {"currency": "dollars"}},
        {"paper": {"costs": {"commission_min": "-1"}}},
        {"paper": {"costs": {"commission": 1}}},
    ],
)
def test_values_out_of_range_are_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ExecutionSettings.model_validate(value)
