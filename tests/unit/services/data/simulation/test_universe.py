"""Symbols and their random streams."""

from services.data.simulation.universe import profile_of, stream

FIRST = 0.1382110097703586


def test_a_stream_is_the_same_on_every_run_and_every_python() -> None:
    assert [stream(7, "SPY", "2026-01-02").random() for _ in range(2)] == [FIRST, FIRST]


def test_streams_of_different_keys_differ() -> None:
    keys = [(7, "SPY"), (8, "SPY"), (7, "QQQ"), (7, "SPY", "x")]
    assert len({stream(*key).random() for key in keys}) == len(keys)


def test_a_well_known_symbol_has_its_own_character_whatever_the_seed() -> None:
    assert profile_of(1, "SPY") == profile_of(2, "SPY")
    assert profile_of(1, "SPY").volatility < profile_of(1, "NVDA").volatility


def test_any_other_symbol_gets_a_believable_one_that_the_seed_decides() -> None:
    for i in range(200):
        profile = profile_of(7, f"S{i}")
        assert 15 <= profile.price <= 450
        assert 0.4 <= profile.beta <= 1.8
        assert 0 <= profile.dividend_yield <= 0.03
        assert profile == profile_of(7, f"S{i}")
    assert profile_of(7, "S1") != profile_of(8, "S1")
