"""Bars as bytes."""

from array import array

import pytest

from services.data.files.bars import Bars, Floats, Integers, pack, unpack
from shared.domain.values import Timeframe
from shared.messages.market import CorporateAction


def integers(*values: int) -> Integers:
    return memoryview(array("q", values))


def floats(*values: float) -> Floats:
    return memoryview(array("d", values))


@pytest.mark.parametrize("vwap", [None, floats(1.5, 2.5)])
@pytest.mark.parametrize("trades", [None, integers(-1, 7)])
def test_bars_survive_the_way_from_one_process_to_another(
    vwap: Floats | None, trades: Integers | None
) -> None:
    bars = Bars(
        timeframe=Timeframe.M5,
        symbols=("A", "Ä\n"),
        symbol=integers(0, 1),
        start_ns=integers(1, 2),
        end_ns=integers(3, 4),
        prices=(floats(1.0, 2.0), floats(3.0, 4.0), floats(5.0, 6.0), floats(0.1, 1e300)),
        volume=floats(0.0, 9.0),
        vwap=vwap,
        trades=trades,
        actions=((4, CorporateAction(symbol="A", kind="split", ex_date="1970-01-01", ratio=2.0)),),
    )
    assert unpack(b"".join(pack(bars))) == bars
