from console.restarts import PAUSE_MAX_S, PAUSE_MIN_S, WINDOW_S, Restarts


def test_each_restart_waits_longer_than_the_one_before_up_to_a_limit() -> None:
    restarts = Restarts(10)
    pauses = [restarts.next_pause_s(now_s) or 0.0 for now_s in range(10)]
    assert pauses == sorted(pauses)
    assert pauses[0] == PAUSE_MIN_S
    assert pauses[-1] == PAUSE_MAX_S


def test_one_too_many_within_a_minute_is_the_end() -> None:
    restarts = Restarts(2)
    assert restarts.next_pause_s(0.0) is not None
    assert restarts.next_pause_s(1.0) is not None
    assert restarts.next_pause_s(2.0) is None


def test_what_is_longer_ago_is_forgotten() -> None:
    restarts = Restarts(1)
    assert restarts.next_pause_s(0.0) == PAUSE_MIN_S
    assert restarts.next_pause_s(WINDOW_S + 1) == PAUSE_MIN_S
