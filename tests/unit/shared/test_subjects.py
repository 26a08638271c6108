"""Subjects are built, taken apart and matched without loss."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.values import Intent, Side, Timeframe
from shared.messages.control import Activate, Kill
from shared.messages.market import Bar
from shared.messages.signals import Signal
from shared.subjects import (
    LANES,
    SERVICES,
    Lane,
    SubjectError,
    decode_token,
    encode_token,
    lane,
    lane_of,
    matches,
    parse,
    reading,
    subject_of,
)

TOKENS = st.text("ab", min_size=1, max_size=2)
SUBJECTS = st.lists(TOKENS, min_size=1, max_size=5).map(".".join)
PATTERNS = st.builds(
    lambda head, tail: ".".join([*head, *tail]),
    st.lists(st.one_of(TOKENS, st.just("*")), min_size=1, max_size=5),
    st.sampled_from([[], [">"]]),
)
ACTORS = st.from_regex(r"[A-Za-z0-9_-]+(~[0-9]+of[0-9]+)?", fullmatch=True)
LANES_MADE = st.builds(lane, st.sampled_from(SERVICES), ACTORS)


def a_bar(symbol: str = "SPY") -> Bar:
    return Bar(
        symbol=symbol, timeframe=Timeframe.M1, start_ns=0,
        open=1.0, high=1.0, low=1.0, close=1.0, volume=1.0,
    )  # fmt: skip


@given(st.text(min_size=1))
def test_any_name_becomes_one_token_and_comes_back(text: str) -> None:
    token = encode_token(text)
    assert decode_token(token) == text
    assert not re.search(r"[.*>\x00-\x20\x7f]", token)


@given(st.text(min_size=1), st.text(min_size=1))
def test_different_names_have_different_tokens(one: str, other: str) -> None:
    assert (encode_token(one) == encode_token(other)) == (one == other)


def test_a_symbol_with_a_dot_is_readable_on_the_wire() -> None:
    assert encode_token("BRK.B") == "BRK%2EB"
    assert encode_token("SPY") == "SPY"


def test_an_empty_name_has_no_token() -> None:
    with pytest.raises(SubjectError, match="empty"):
        encode_token("")


@given(LANES_MADE, st.text(min_size=1))
def test_a_subject_taken_apart_is_what_it_was_made_of(speaker: Lane, symbol: str) -> None:
    taken = parse(subject_of(speaker, a_bar(symbol)))
    assert taken == (speaker, "bar", ("1m", symbol))
    assert lane_of(subject_of(speaker, a_bar(symbol))) == speaker


def test_subjects_read_as_the_design_writes_them() -> None:
    signal = Signal(
        strategy_id="ema", symbol="SPY", side=Side.BUY, intent=Intent.OPEN, price=1.0,
        valid_until_ns=1, quantity=Decimal(1),
    )  # fmt: skip
    assert subject_of(lane("data", "sim"), a_bar("BRK.B")) == "data.sim.bar.1m.BRK%2EB"
    assert subject_of(lane("strategy", "ema"), signal) == "strategy.ema.signal.SPY"
    assert subject_of(lane("control", "ann"), Kill()) == "control.ann.kill"
    activate = Activate(strategy_id="ema")
    assert subject_of(lane("control", "ann"), activate) == "control.ann.activate.ema"


@given(LANES_MADE, st.text(min_size=1))
def test_the_fence_of_a_lane_covers_all_that_it_says_and_nothing_else(
    speaker: Lane, symbol: str
) -> None:
    subject = subject_of(speaker, a_bar(symbol))
    other = Lane(speaker.service, speaker.actor + "x")
    assert matches(speaker.fence, subject)
    assert not matches(other.fence, subject)
    assert sum(matches(pattern, subject) for pattern in LANES) == 1


@pytest.mark.parametrize("actor", ["", "a.b", "a b", "*", ">", "a~1", "a~xof2", "ä"])
def test_a_name_that_cannot_stand_in_a_subject_names_no_actor(actor: str) -> None:
    with pytest.raises(SubjectError):
        lane("risk", actor)


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SubjectError, match=r"'riks'.*strategy, risk"):
        lane("riks", "main")


def test_a_shard_is_an_actor_of_its_own() -> None:
    assert str(lane("strategy", "ema~2of4")) == "strategy.ema~2of4"


@pytest.mark.parametrize(
    "subject", ["", "risk", "risk.main", "riks.main.approved", "risk..approved"]
)
def test_what_is_no_subject_of_the_tape_is_refused(subject: str) -> None:
    with pytest.raises(SubjectError, match="not a subject of the tape"):
        parse(subject)


def test_a_filter_encodes_names_and_keeps_wildcards() -> None:
    assert reading("data", "*", "bar", "1m", "BRK.B") == "data.*.bar.1m.BRK%2EB"
    assert reading("execution", "main", "filled", ">") == "execution.main.filled.>"


@pytest.mark.parametrize(
    ("pattern", "subject", "covered"),
    [
        ("a.b", "a.b", True),
        ("a.*", "a.b", True),
        ("a.*", "a.b.c", False),
        ("a.*", "a", False),
        ("a.>", "a.b.c", True),
        ("a.>", "a", False),
        (">", "a", True),
        ("*.b", "a.b", True),
        ("*.*.>", "a.b", False),
        ("a", "a.b", False),
    ],
)
def test_filters_cover_what_nats_says_they_cover(
    pattern: str, subject: str, *, covered: bool
) -> None:
    assert matches(pattern, subject) is covered


@given(PATTERNS, SUBJECTS)
def test_filters_agree_with_the_rules_of_nats_written_as_an_expression(
    pattern: str, subject: str
) -> None:
    rules = {"*": r"[^.]+", ">": r".+"}
    expression = r"\.".join(rules.get(token, re.escape(token)) for token in pattern.split("."))
    assert matches(pattern, subject) == bool(re.fullmatch(expression, subject))
