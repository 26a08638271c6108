"""Moments as people write them."""

import pytest

from console.backtest.moments import moment_of, spell
from shared.domain.errors import ConfigurationError


def test_a_day_is_whole_and_a_time_is_utc_unless_it_says_otherwise() -> None:
    first, last = (moment_of("2025-05-12", "--from", is_end=end) for end in (False, True))

    assert (spell(first or 0), spell(last or 0)) == ("2025-05-12 00:00 UTC", "2025-05-13 00:00 UTC")
    assert moment_of("2025-05-12T10:00-04:00", "--to", is_end=True) == moment_of(
        "2025-05-12 14:00", "--to", is_end=True
    )
    assert moment_of(None, "--to", is_end=True) is None


def test_anything_else_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="--from 'noon': a date or a time is expected"):
        moment_of("noon", "--from", is_end=False)
