"""The clock message of a moment."""

import pytest

from services.data.moment import clock_at
from shared.domain.sessions import session_of_date
from shared.messages.market import Clock

SESSION = session_of_date("2026-01-05")
assert SESSION is not None


@pytest.mark.parametrize(
    ("ts_ns", "session", "is_open"),
    [
        (SESSION.open_ns - 1, "", False),
        (SESSION.open_ns, "2026-01-05", True),
        (SESSION.close_ns - 1, "2026-01-05", True),
        (SESSION.close_ns, "2026-01-05", False),
        (SESSION.close_ns + 1, "", False),
    ],
)
def test_a_session_is_named_up_to_its_close_and_open_before_it(
    ts_ns: int, session: str, is_open: bool
) -> None:
    assert clock_at(ts_ns) == Clock(ts_ns=ts_ns, session=session, is_open=is_open)


def test_a_holiday_has_no_session() -> None:
    christmas = 1_798_210_800 * 10**9  # 2026-12-25 15:00 UTC
    assert clock_at(christmas) == Clock(ts_ns=christmas)
