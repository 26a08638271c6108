"""What expires, and what a tape remembers about it."""

from shared.tape.entry import Outgoing
from shared.tape.marks import Marks, marks_of, with_kept_days


def out(subject: str, cause: int = 0) -> Outgoing:
    return Outgoing(subject, b"", cause, 0, 1)


def test_only_market_data_at_a_high_rate_expires() -> None:
    marks = Marks(kept_days=2)
    assert marks.expiry(out("data.alpaca.bar.1m.AAPL")) == {"Nats-TTL": "172800s"}
    for subject in ("data.alpaca.clock", "data.alpaca.status.AAPL", "data.alpaca.action.AAPL"):
        assert marks.expiry(out(subject)) == {}
    for subject in ("risk.main.approved.AAPL", "control.console.kill", "broker.main.report.AAPL"):
        assert marks.expiry(out(subject)) == {}


def test_what_an_actor_says_stays_because_its_next_start_compares_it() -> None:
    assert Marks(kept_days=2).expiry(out("data.bars.bar.5m.AAPL", cause=7)) == {}


def test_without_a_limit_everything_stays() -> None:
    assert Marks().expiry(out("data.alpaca.bar.1m.AAPL")) == {}


def test_the_shortest_limit_ever_is_remembered() -> None:
    metadata = with_kept_days({"tapedeck-tape-id": "x"}, 30)
    assert marks_of(metadata) == Marks(kept_days=30, kept_days_shortest=30)
    metadata = with_kept_days(with_kept_days(metadata, 7), 60)
    assert marks_of(metadata) == Marks(kept_days=60, kept_days_shortest=7)
    assert marks_of(with_kept_days(metadata, None)) == Marks(kept_days_shortest=7)
    assert with_kept_days(metadata, None)["tapedeck-tape-id"] == "x"
