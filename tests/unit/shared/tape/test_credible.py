import pytest

from shared.messages.base import Message
from shared.messages.control import Activate, Kill, Resume
from shared.subjects import lane
from shared.tape.credible import Mechanics, is_credible, is_own_kind, mechanics
from shared.tape.entry import fact

TAPE = "00112233445566ff"
CAUSED = {"Tape-Cause": "1"}


def payload(message: Message) -> bytes:
    return fact(TAPE, lane("control", "console"), message, ts_ns=1, key="k").payload


KILL = payload(Kill(reason="r", valid_until_ns=9))
RESUME = payload(Resume(reason="r", valid_until_ns=9, expected_seq=1))
ACTIVATE = payload(Activate(strategy_id="ema", reason="r"))


def test_headers_say_what_caused_a_message() -> None:
    told = mechanics({"Tape-Cause": "7", "Tape-Index": "1", "Tape-Count": "2", "traceparent": "t"})

    assert told == Mechanics(cause=7, index=1, count=2, trace="t", fenced=True)
    assert mechanics({}) == Mechanics(cause=0, index=0, count=1, trace="", fenced=False)


@pytest.mark.parametrize("name", ["Tape-Cause", "Tape-Index", "Tape-Count"])
@pytest.mark.parametrize("text", ["x", "-1", "1.5", "", " 1", "٣", "9" * 20])
def test_headers_that_nobody_honest_writes_say_nothing(name: str, text: str) -> None:
    if (name, text) != ("Tape-Cause", ""):
        assert mechanics({name: text}) is None


@pytest.mark.parametrize(
    ("subject", "headers", "credible"),
    [
        ("data.file.bar.1m.SPY", {}, True),
        ("control.console.kill", {}, True),
        ("risk.main.approved.SPY", {"Tape-Cause": "1"}, True),
        ("risk.main.approved.SPY", {}, False),
        ("strategy.ema.signal.SPY", {}, False),
        ("data.file.clock", {"Nats-Subject": "strategy.ema.signal.SPY"}, False),
        ("data.file.bar.1m.SPY", {"Nats-TTL": "1s"}, True),
        ("risk.main.denied.SPY", {"Nats-TTL": "1s", "Tape-Cause": "1"}, False),
        ("strategy.ema.signal.SPY", {"Nats-TTL": "1s", "Tape-Cause": "1"}, False),
        ("control.console.kill", {"Nats-TTL": "1s"}, False),
    ],
)
def test_only_what_an_honest_speaker_can_have_said_is_credible(
    subject: str, headers: dict[str, str], *, credible: bool
) -> None:
    assert is_credible(subject, headers, b"not looked at") == credible


@pytest.mark.parametrize(
    ("subject", "said", "credible"),
    [
        ("control.console.kill", KILL, True),
        ("control.console.resume", KILL, False),
        ("control.strategy.activate.ema", ACTIVATE, True),
        ("control.strategy.activate.ema", RESUME, False),
        ("control.strategy.activate.other", ACTIVATE, False),
        ("strategy.ema.signal.SPY", KILL, False),
        ("strategy.ema.kill", KILL, False),
        ("strategy.ema.signal.SPY", b"rubbish", False),
        ("strategy.ema", b"rubbish", False),
        # It may be a command of a newer release: nobody may pass over it.
        ("control.console.kill", b"rubbish", True),
    ],
)
def test_strategies_and_operators_say_what_their_subject_says(
    subject: str, said: bytes, *, credible: bool
) -> None:
    assert is_credible(subject, CAUSED, said) == credible


def test_every_service_has_its_own_kinds() -> None:
    kill = Kill(reason="r", valid_until_ns=9)
    assert is_own_kind("control", "kill", kill)
    assert not is_own_kind("control", "resume", kill)
    assert not is_own_kind("data", "kill", kill)
    assert not is_own_kind("nobody", "kill", kill)
