"""What a trim removes, lane by lane. Removing itself: tests/integration/test_tape_tools.py."""

from shared.subjects import Lane
from shared.tape.retention import Cut, plan_cuts

ENDS = {
    Lane("data", "file"): 90,
    Lane("risk", "main"): 40,
    Lane("control", "console"): 3,
    Lane("strategy", "young"): 1,
}


def test_commands_and_birth_certificates_stay() -> None:
    subjects = ["control.console.kill", "control.console.activate.ema", "risk.main.state"]
    assert plan_cuts(subjects, 100, ENDS) == []


def test_all_symbols_of_an_event_go_in_one_step() -> None:
    subjects = ["data.file.bar.1m.A", "data.file.bar.5m.BRK%2EB", "data.file.clock"]
    assert plan_cuts(subjects, 50, ENDS) == [
        Cut("data.file.bar.>", 50),
        Cut("data.file.clock", 50),
    ]


def test_no_lane_loses_the_message_that_it_rests_on() -> None:
    subjects = ["risk.main.approved.A", "data.file.clock"]
    assert plan_cuts(subjects, 100, ENDS) == [
        Cut("data.file.clock", 90),
        Cut("risk.main.approved.>", 40),
    ]


def test_where_nothing_lies_before_nothing_is_asked_for() -> None:
    assert plan_cuts(["strategy.young.signal.A", "data.file.clock"], 1, ENDS) == []
    assert plan_cuts(["strategy.young.signal.A"], 100, ENDS) == []
