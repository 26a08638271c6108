from typing import override

import pytest

from services.strategy import Strategy
from services.strategy.freeze import SnapshotError
from shared.messages.market import Bar
from tests.unit.services.strategy.talk import Talk, codes


class Hoarder(Strategy):
    seen: list[float]

    @override
    def on_start(self) -> None:
        self.seen = []

    @override
    def on_bar(self, bar: Bar) -> None:
        self.seen.append(self.ema(bar.symbol, 3))
        self.buy(bar.symbol)
        self.set_timer("t", self.now_ns + 1)


class Other(Hoarder):
    pass


def told() -> Talk:
    talk = Talk(Hoarder())
    for close in (1.0, 2.0, 3.0, 4.0):
        talk.bar(close)
    return talk


def test_a_restored_core_has_the_same_bytes_and_goes_on_the_same() -> None:
    before, after = told(), Talk(Hoarder(), active=False)
    after.core.restore(before.core.snapshot())
    after.seq, after.now_ns = before.seq, before.now_ns
    assert after.core.snapshot() == before.core.snapshot()
    assert codes(after.bar(5.0)) == codes(before.bar(5.0))
    assert after.core.snapshot() == before.core.snapshot()


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"not json"])
def test_what_is_no_snapshot_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a snapshot of a strategy"):
        Talk(Hoarder()).core.restore(data)


def test_the_snapshot_of_another_class_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the snapshot is of .*:Hoarder"):
        Talk(Other()).core.restore(told().core.snapshot())


def test_an_attribute_that_cannot_be_stored_is_named() -> None:
    talk = told()
    talk.strategy.handle = print  # type: ignore[attr-defined]
    with pytest.raises(SnapshotError, match=r"s\.handle is a builtin_function"):
        talk.core.snapshot()


def test_an_indicator_kept_twice_is_named() -> None:
    talk = told()
    talk.strategy.mine = talk.strategy.macd("AAPL")  # type: ignore[attr-defined]
    with pytest.raises(SnapshotError, match=r"s\.mine and indicators\.kept.* are the same object"):
        talk.core.snapshot()
