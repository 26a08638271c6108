"""A condition is read by us, not by Python: what is not understood is refused by its column."""

import pytest

from console.replay.condition import condition
from shared.core import Stamp
from shared.domain.errors import ConfigurationError
from shared.domain.values import Timeframe
from shared.messages.market import Bar, Clock
from shared.subjects import lane

STAMP = Stamp(7, 60, lane("data", "file"), "id7", "story")
BAR = Bar(
    symbol="AAPL", timeframe=Timeframe.M1, start_ns=0, open=1.0, high=3.0, low=1.0, close=2.5,
    volume=10.0,
)  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        'symbol == "AAPL" and event == "bar"',
        "close > 2 and not close > 3",
        "1 < close <= 2.5",
        "seq in (3, 7)",
        "symbol not in ['MSFT', 'SPY']",
        "service == 'data' and actor == 'file' and lane == 'data.file' and id == 'id7'",
        "vwap == None",
        "close > -1",
        "volume > 100 or open == 1",
    ],
)
def test_it_holds(text: str) -> None:
    assert condition(text)(STAMP, BAR)


@pytest.mark.parametrize("text", ["close < 2", "quantity > 1", "symbol > 3", "reason == 'x'"])
def test_it_does_not_hold_also_where_it_makes_no_sense(text: str) -> None:
    assert not condition(text)(STAMP, BAR)
    assert not condition(text)(STAMP, Clock(ts_ns=60))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("symbl == 'A'", "at column 1: no message has 'symbl'"),
        ("event == 'bar' and __import__('os')", "at column 20: names, values, comparisons"),
        ("symbol.upper() == 'A'", "at column 1: names, values, comparisons"),
        ("(lambda: 1)()", "at column 1: names"),
        ("[x for x in symbol]", "at column 1: names"),
        ("symbol is None", "at column 11: use == instead of is"),
        ("event ==", "at column 9: invalid syntax"),
        ("  event == 'bar' and", "at column 19: invalid syntax"),
        ("", "at column 1: invalid syntax"),
    ],
)
def test_what_is_not_understood_is_refused_by_its_column(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--break-when .*: at column") as caught:
        condition(text)
    assert sentence in str(caught.value)
