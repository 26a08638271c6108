from decimal import Decimal

import pytest

from console.describe import clock_time, describe, moment, money, shares
from shared.domain.values import Intent, OrderType, Side, Timeframe, TimeInForce
from shared.messages.base import Message
from shared.messages.codec import BY_SERVICE
from shared.messages.control import Activate, Kill
from shared.messages.decisions import Check, Denied
from shared.messages.market import Bar, CorporateAction
from shared.messages.orders import Charged, Filled, Submitting
from shared.messages.signals import Signal

FILL = Filled(
    order_id="o", client_order_id="c", signal_id="s", strategy_id="x", symbol="AAPL",
    side=Side.BUY, execution_id="e", intent=Intent.OPEN, quantity=Decimal(5),
    price=Decimal("10.5000"), commission=Decimal("1.00"), cumulative_quantity=Decimal(5),
    order_quantity=Decimal(9), is_complete=False, fees=Decimal("0.02"),
)  # fmt: skip
DENIED = Denied(
    signal_id="s", strategy_id="x", symbol="AAPL", side=Side.SELL, intent=Intent.OPEN,
    quantity=Decimal(0), reasons=(Check("halted", False, Decimal(1), Decimal(0)),),
)  # fmt: skip
SIGNAL = Signal(
    strategy_id="x", symbol="AAPL", side=Side.BUY, intent=Intent.OPEN, price=10.25,
    valid_until_ns=1, reason="up",
)  # fmt: skip
BAR = Bar(
    symbol="AAPL", timeframe=Timeframe.M1, start_ns=0, open=1, high=2, low=0.5, close=1.5, volume=9
)

STOP = Submitting(
    order_id="o",
    client_order_id="c",
    signal_id="s",
    strategy_id="t",
    symbol="AAPL",
    side=Side.BUY,
    intent=Intent.OPEN,
    quantity=Decimal(5),
    order_type=OrderType.STOP_LIMIT,
    limit_price=Decimal(102),
    time_in_force=TimeInForce.GTC,
    valid_until_ns=0,
    trigger_price=Decimal(101),
)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (FILL, "buy 5 AAPL at 10.5000, costs 1.02 (5 of 9)"),
        (DENIED, "sell AAPL: halted (1 against 0)"),
        (SIGNAL, "open buy AAPL at 10.25: up"),
        (BAR, "AAPL 1m - open 1 high 2 low 0.5 close 1.5 volume 9"),
        (Kill(), "no reason given"),
        (Kill(reason="drill"), "drill"),
        (Activate(strategy_id="x", reason="why"), "x: why"),
        (
            Charged(charge_id="c", kind="borrow", amount=Decimal("1.2"), symbol="A", detail="so"),
            "A borrow 1.20, so",
        ),
        (STOP, "buy 5 AAPL, stop_limit at 101 102 gtc"),
        (CorporateAction(symbol="A", kind="split", ex_date="2025-01-02"), "symbol=A kind=split"),
    ],
)
def test_a_message_is_one_line_for_a_person(message: Message, line: str) -> None:
    assert describe(message).startswith(line)


def test_a_message_without_a_line_of_its_own_shows_its_fields() -> None:
    own = [kind for kinds in BY_SERVICE.values() for kind in kinds if kind in describe.registry]
    assert CorporateAction not in own
    assert len(own) > 15


def test_numbers_are_written_as_people_write_them() -> None:
    assert money(Decimal("1234567.895")) == "1,234,567.90"
    assert shares(Decimal("12.500")) == "12.5"
    assert shares(Decimal(100)) == "100"
    assert OrderType.MARKET + TimeInForce.DAY == "marketday"


def test_times_are_utc_and_none_is_a_dash() -> None:
    assert moment(1_747_056_600_000_000_000) == "2025-05-12 13:30:00"
    assert clock_time(1_747_056_600_000_000_000) == "13:30:00"
    assert (moment(0), clock_time(0)) == ("-", "-")
