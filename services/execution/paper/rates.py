"""What regulators took on which day: the rates of US stock trading, with their effective dates.

A day before the first line of a table pays the first line's rate, a day after the last the
last's: history starts where the sources do, and the newest known rate is kept until it is
corrected here. docs/fills.md says which lines were verified against which source.
"""

from bisect import bisect_right
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

_DAYS_REMEMBERED = 4_096

# Section 31 of the Securities Exchange Act: dollars per million dollars of sales.
# Source: the SEC's fee rate advisories, sec.gov, and FINRA's information notices on them.
SEC_PER_MILLION: tuple[tuple[str, str], ...] = (
    ("2013-05-25", "17.40"),
    ("2014-03-18", "22.10"),
    ("2015-02-14", "18.40"),
    ("2016-02-16", "21.80"),
    ("2017-07-04", "23.10"),
    ("2018-05-22", "13.00"),
    ("2019-04-16", "20.70"),
    ("2020-02-18", "22.10"),
    ("2021-02-25", "5.10"),
    ("2022-05-14", "22.90"),
    ("2023-02-27", "8.00"),
    ("2024-05-22", "27.80"),
    ("2025-05-14", "0.00"),
    ("2026-04-04", "20.60"),
)

# FINRA's trading activity fee on sales of stocks: dollars a share, and most for one execution.
# Source: FINRA By-Laws, Schedule A, section 1(b), and the regulatory notices that changed it.
TAF: tuple[tuple[str, str, str], ...] = (
    ("2012-07-01", "0.000119", "5.95"),
    ("2022-01-01", "0.000130", "6.49"),
    ("2023-01-01", "0.000145", "7.27"),
    ("2024-01-01", "0.000166", "8.30"),
    ("2026-01-01", "0.000195", "9.79"),
)

# Consolidated Audit Trail: dollars per executed share, of purchases and of sales, all CAT fees of
# a time added up. Source: CAT LLC's fee alerts, catnmsplan.com, and Alpaca's page of fees.
CAT: tuple[tuple[str, str], ...] = (
    ("1970-01-01", "0"),
    ("2024-09-01", "0.000035"),
    ("2024-10-01", "0.000048"),
    ("2025-01-01", "0.000053"),
    ("2025-07-01", "0.0000265"),
)

_SEC_FROM, _TAF_FROM, _CAT_FROM = (
    tuple(line[0] for line in table) for table in (SEC_PER_MILLION, TAF, CAT)
)


class Rates(Struct, frozen=True):
    """What is in force on one day; dollars."""

    sec_per_million: Decimal
    taf_per_share: Decimal
    taf_max: Decimal
    cat_per_share: Decimal


@lru_cache(maxsize=_DAYS_REMEMBERED)
def rates_on(day: str) -> Rates:
    """Return the rates of a New York date, YYYY-MM-DD."""
    taf = TAF[_line(_TAF_FROM, day)]
    return Rates(
        sec_per_million=Decimal(SEC_PER_MILLION[_line(_SEC_FROM, day)][1]),
        taf_per_share=Decimal(taf[1]),
        taf_max=Decimal(taf[2]),
        cat_per_share=Decimal(CAT[_line(_CAT_FROM, day)][1]),
    )


def _line(starts: tuple[str, ...], day: str) -> int:
    return max(bisect_right(starts, day) - 1, 0)
