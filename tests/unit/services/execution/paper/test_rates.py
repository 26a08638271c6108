"""The tables of regulatory rates."""

from decimal import Decimal

import pytest

from services.execution.paper.rates import CAT, SEC_PER_MILLION, TAF, rates_on


@pytest.mark.parametrize(
    ("day", "sec", "taf", "cat"),
    [
        ("1998-01-02", "17.40", "0.000119", "0"),  # before the tables: their first lines
        ("2014-03-17", "17.40", "0.000119", "0"),
        ("2014-03-18", "22.10", "0.000119", "0"),
        ("2024-05-21", "8.00", "0.000166", "0"),
        ("2024-05-22", "27.80", "0.000166", "0"),
        ("2024-10-01", "27.80", "0.000166", "0.000048"),
        ("2025-05-13", "27.80", "0.000166", "0.000053"),
        ("2025-05-14", "0", "0.000166", "0.000053"),
        ("2030-01-02", "20.60", "0.000195", "0.0000265"),  # after them: their last
    ],
)
def test_the_rates_of_a_day(day: str, sec: str, taf: str, cat: str) -> None:
    rates = rates_on(day)
    found = rates.sec_per_million, rates.taf_per_share, rates.cat_per_share
    assert found == (Decimal(sec), Decimal(taf), Decimal(cat))


@pytest.mark.parametrize("table", [SEC_PER_MILLION, TAF, CAT])
def test_a_table_is_in_order_of_time(table: tuple[tuple[str, ...], ...]) -> None:
    days = [line[0] for line in table]
    assert days == sorted(set(days))
