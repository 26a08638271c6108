"""The sieve drops what two instances of a feed both published."""

from shared.runtime.sieve import MarketSieve
from shared.tape.entry import Entry


def entry(subject: str, *, fenced: bool = False) -> Entry:
    return Entry(1, subject, b"", 0, fenced=fenced)


def test_only_what_is_newer_passes_and_each_subject_has_its_own_clock() -> None:
    sieve = MarketSieve()
    aapl, msft = entry("data.alpaca.trade.AAPL"), entry("data.alpaca.trade.MSFT")

    assert sieve.lets_through(aapl, 10)
    assert not sieve.lets_through(aapl, 10)
    assert not sieve.lets_through(aapl, 9)
    assert sieve.lets_through(aapl, 11)
    assert sieve.lets_through(msft, 10)


def test_fenced_feeds_and_other_lanes_are_not_sieved() -> None:
    sieve = MarketSieve()

    for subject, fenced in (("data.file.bar.1m.AAPL", True), ("control.console.kill", False)):
        assert sieve.lets_through(entry(subject, fenced=fenced), 5)
        assert sieve.lets_through(entry(subject, fenced=fenced), 5)
    assert sieve.newest_ns == {}


def test_a_sieve_remembers_through_its_state() -> None:
    sieve = MarketSieve()
    sieve.lets_through(entry("data.alpaca.trade.AAPL"), 10)

    restored = MarketSieve(dict(sieve.newest_ns))

    assert not restored.lets_through(entry("data.alpaca.trade.AAPL"), 10)
