from services.strategy.rollback import (
    ENTRIES_MAX,
    ENTRIES_MIN,
    Rollback,
    Step,
    messages_until_next,
)
from shared.core import Stamp
from shared.messages.market import Clock
from shared.subjects import lane

DATA = lane("data", "file")


def stamp(seq: int) -> Stamp:
    return Stamp(seq, seq, DATA, str(seq), str(seq))


def test_the_journal_comes_back_with_the_times_between_its_messages() -> None:
    rollback = Rollback()
    rollback.begin(b"x", 0, 5)
    rollback.time_passed(3)
    rollback.note(stamp(1), Clock(ts_ns=1))
    rollback.note(stamp(2), Clock(ts_ns=2))
    rollback.time_passed(8)
    rollback.time_passed(9)
    rollback.note(stamp(3), Clock(ts_ns=3))
    assert rollback.left == 2
    assert rollback.take() == [
        Step(3, stamp(1), Clock(ts_ns=1)),
        Step(0, stamp(2), Clock(ts_ns=2)),
        Step(9, stamp(3), Clock(ts_ns=3)),
    ]
    assert rollback.take() == []


def test_the_journal_stays_the_same_list() -> None:
    rollback = Rollback()
    journal = rollback.journal
    rollback.note(stamp(1), Clock(ts_ns=1))
    rollback.take()
    rollback.begin(b"", 0, 1)
    assert rollback.journal is journal


def test_a_large_state_is_written_down_less_often_but_within_bounds() -> None:
    assert messages_until_next(10) == ENTRIES_MIN
    assert messages_until_next(10_000) == 20_000
    assert messages_until_next(10**9) == ENTRIES_MAX
