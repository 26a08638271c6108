"""A split and a dividend of Apple's in 2014, with raw daily prices, held through and short."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pyarrow.parquet as pq
import pytest

from services.execution.config import PaperSettings
from shared.domain.sessions import Session, session_of_date
from shared.domain.values import Side, Timeframe, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Report
from shared.messages.market import Bar, CorporateAction
from tests.real_data import real
from tests.unit.services.execution.talk import FILE, BrokerTalk

FREE = PaperSettings.model_validate({"costs": {"schedule": "zero"}, "slippage_model": "none"})
FIRST, LAST = date(2014, 6, 2), date(2014, 8, 29)


def _session(day: date) -> Session:
    session = session_of_date(day.isoformat())
    assert session is not None
    return session


def _of_apple(name: str) -> list[dict[str, Any]]:
    table = pq.read_table(real(name), filters=[("symbol", "=", "AAPL")])
    found: list[dict[str, Any]] = table.sort_by("date").to_pylist()
    return found


def _actions() -> dict[date, CorporateAction]:
    """The splits and dividends, by the last day before they count, from a table of factors."""
    lines = _of_apple("corporate_actions/lean_factor_files.parquet")
    found = {}
    for line, later in pairwise(lines):
        day = line["date"]
        if not FIRST <= day <= LAST:
            continue
        ratio = later["split_factor"] / line["split_factor"]
        paid = line["reference_price"] * (1 - line["price_factor"] / later["price_factor"])
        is_split = abs(ratio - 1) > 0.01
        found[day] = CorporateAction(
            symbol="AAPL",
            kind="split" if is_split else "dividend",
            ex_date=(day + timedelta(days=1)).isoformat(),
            ratio=float(round(ratio)) if is_split else 1.0,
            cash_per_share=0.0 if is_split else round(paid, 2),
        )
    return found


def _play(talk: BrokerTalk) -> dict[date, list[Message]]:
    """Play the days; return what was said to each action, by the day before it."""
    actions, said = _actions(), {}
    bars = _of_apple("daily/lean_daily_raw.parquet")
    for row in (bar for bar in bars if FIRST <= bar["date"] <= LAST):
        session = _session(row["date"])
        talk.now_ns = session.open_ns
        talk.clock(session.date)
        prices = {name: row[name] for name in ("open", "high", "low", "close")}
        talk.now_ns = session.close_ns
        volume = float(row["volume"])
        bar = Bar(
            symbol="AAPL",
            timeframe=Timeframe.D1,
            start_ns=session.open_ns,
            volume=volume,
            **prices,
        )
        talk.say(FILE, bar)
        talk.clock(session.date, is_open=False)
        if row["date"] in actions:
            said[row["date"]] = talk.say(FILE, actions[row["date"]])
    return said


def _talk() -> BrokerTalk:
    talk = BrokerTalk(FREE)
    talk.now_ns = _session(FIRST).open_ns
    talk.core.state.now_ns = talk.now_ns
    return talk


@pytest.mark.parametrize("side", list(Side))
def test_apple_splits_seven_for_one_and_pays_47_cents(side: Side) -> None:
    talk = _talk()
    talk.core.state.is_open = False
    talk.submit(side, 100)
    talk.submit(Side.BUY, 5, "300", time_in_force=TimeInForce.GTC)
    said = _play(talk)
    assert list(said) == [date(2014, 6, 6), date(2014, 8, 6)]
    cancelled = said[date(2014, 6, 6)][0]
    assert isinstance(cancelled, Report)
    assert (cancelled.client_order_id, cancelled.reason) == ("o2", "split")
    state = talk.core.state
    assert state.positions == {"AAPL": Decimal(side.sign * 700)}
    if side is Side.BUY:
        # bought 100 at the open of 2 June, 634.00; 700 shares got 0.47 each
        assert state.cash == 100_000 - 63_400 + 329
    else:
        borrowed = 100_000 + 63_400 - 329 - state.cash
        # 88 nights at 1 % of some 65,000 and less than 2 % over, for the whole dollars
        assert 88 * 65_000 < borrowed * 36_000 < 88 * 75_000
