"""Which orders the paper broker takes."""

from decimal import Decimal

import pytest

from services.execution.config import PaperSettings
from shared.domain.values import OrderType, Side, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Refused
from shared.messages.control import Kill, Resume
from shared.subjects import lane
from tests.unit.services.execution.talk import BrokerTalk


def _code(answer: list[Message]) -> str:
    (message,) = answer
    return message.code if isinstance(message, Refused) else ""


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"order_type": OrderType.STOP}, "trigger_price"),
        ({"order_type": OrderType.STOP, "trigger_price": Decimal(0)}, "trigger_price"),
        ({"order_type": OrderType.STOP_LIMIT, "trigger_price": Decimal(9)}, "limit_price"),
        ({"order_type": OrderType.STOP_LIMIT, "limit": "9"}, "trigger_price"),
        ({"time_in_force": TimeInForce.EXT}, "extended_hours"),
        ({"time_in_force": TimeInForce.OPG}, "auction"),  # the market is open
        ({"time_in_force": TimeInForce.CLS}, ""),
        (
            {
                "time_in_force": TimeInForce.CLS,
                "order_type": OrderType.STOP,
                "trigger_price": Decimal(9),
            },
            "auction",
        ),
        ({"time_in_force": TimeInForce.EXT, "limit": "9"}, ""),
    ],
)
def test_an_order_must_make_sense_now(order: dict[str, object], code: str) -> None:
    talk = BrokerTalk()
    talk.bar(10.0)
    assert _code(talk.submit(**order)) == code  # type: ignore[arg-type]


def test_quotes_show_no_auction() -> None:
    talk = BrokerTalk()
    talk.quote(9.9, 10.0)
    assert _code(talk.submit(time_in_force=TimeInForce.CLS)) == "auction"


def test_fractions_of_a_share_are_taken_unless_the_settings_say_otherwise() -> None:
    assert _code(BrokerTalk().submit(Side.BUY, "1.5")) == ""
    talk = BrokerTalk(PaperSettings(fractional_shares=False))
    assert _code(talk.submit(Side.BUY, "1.5")) == "fractional_shares"
    talk.core.state.positions["AAPL"] = Decimal("1.5")  # what a split may leave
    assert _code(talk.submit(Side.SELL, "1.5")) == ""


def test_a_price_that_a_kind_of_order_does_not_use_is_dropped() -> None:
    talk = BrokerTalk()
    talk.submit(Side.BUY, 1, trigger_price=Decimal(200))
    assert talk.core.state.resting["AAPL"][0].trigger_price is None


def test_an_order_rests_from_when_it_arrives() -> None:
    talk = BrokerTalk(PaperSettings(latency_ms=1.5))
    talk.bar(10.0)
    talk.submit()
    assert talk.core.state.resting["AAPL"][0].since_ns == talk.now_ns + 1_500_000


CONSOLE = lane("control", "console")


def test_no_order_comes_in_after_a_kill_whatever_execution_still_submits() -> None:
    talk = BrokerTalk()
    talk.say(CONSOLE, Kill(), "k1")
    assert _code(talk.submit()) == "killed"
    talk.say(CONSOLE, Resume(expected_seq=talk.core.state.killed_seq), "r1")
    assert _code(talk.submit()) == ""


def test_a_resume_that_saw_an_older_kill_or_comes_late_lets_no_order_in() -> None:
    talk = BrokerTalk()
    talk.say(CONSOLE, Kill(), "k1")
    seen = talk.core.state.killed_seq
    talk.say(CONSOLE, Kill(), "k2")
    talk.say(CONSOLE, Resume(expected_seq=seen), "r1")
    assert _code(talk.submit()) == "killed"
    talk.say(CONSOLE, Resume(valid_until_ns=1), "r2", recorded_ns=2)
    assert _code(talk.submit()) == "killed"


def test_a_kill_that_is_repeated_after_its_resume_does_nothing() -> None:
    talk = BrokerTalk()
    talk.say(CONSOLE, Kill(), "k1")
    talk.say(CONSOLE, Resume(expected_seq=talk.seq), "r1")
    talk.say(CONSOLE, Kill(), "k1")
    assert _code(talk.submit()) == ""
