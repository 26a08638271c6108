"""What a desk recorded goes through the code again, after the desk has gone."""

import json
from pathlib import Path

from msgspec.structs import replace

from shared.tape.archive import ArchiveTape
from shared.tape.archive_writer import writing
from tests.e2e.desk import Workshop, write_bars
from tests.recorded import record

STRATEGY = """
from services.strategy import Strategy


class Often(Strategy):
    def on_start(self):
        self.seen = 0

    def on_bar(self, bar):
        self.seen += 1
        if self.seen % {every} == 0:
            self.exit(bar.symbol) or self.buy(bar.symbol, 10)
"""


def test_a_replay_agrees_until_the_strategy_is_edited(workshop: Workshop) -> None:
    bars = write_bars(workshop.path / "bars.csv", 90)
    strategy = Path(workshop.path / "mine.py")
    strategy.write_text(STRATEGY.format(every=7))
    state = ("--state", str(workshop.path / "state"))
    run = workshop.run(
        *("up", "--data", str(bars), "--until-done", "--json", *state),
        *("--strategy", "mine.py:Often"),
    )
    assert run.document["fills"] > 5

    same = workshop.run("replay", "--json", *state)
    assert same.document["events"] == run.document["tape"]["last"]
    assert same.document["differences"] == 0
    assert same.document["changed"] == []
    assert same.document["compared"] > run.document["signals"] * 5

    strategy.write_text(STRATEGY.format(every=8))
    edited = workshop.run("replay", "--json", *state)
    found = json.loads(edited.out)
    assert edited.code == 1
    assert found["changed"] == ["strategy.Often"]
    assert found["first"]["lane"] == "strategy.Often"
    # The others answered what was recorded, and still do.
    others = workshop.run("replay", "--actor", "risk.main", "--actor", "execution.main", *state)
    assert others.code == 0, others.err
    assert "no differences" in others.out


def test_a_file_alone_is_replayed_where_its_desk_was_never_configured(workshop: Workshop) -> None:
    bars = write_bars(workshop.path / "bars.csv", 90)
    strategy = Path(workshop.path / "mine.py")
    strategy.write_text(STRATEGY.format(every=7))
    state = ("--state", str(workshop.path / "state"))
    workshop.run(
        *("up", "--data", str(bars), "--until-done", "--json", *state),
        *("--strategy", "mine.py:Often", "--cash", "50000"),
    )
    whole = workshop.run("tape", "export", "day.tape", *state)
    assert whole.code == 0, whole.err
    same = workshop.run("replay", "--tape", "day.tape", "--json").document
    assert (same["differences"], same["changed"]) == (0, [])
    half = same["events"] // 2
    part = workshop.run("replay", "--tape", "day.tape", "--from", str(half), "--json").document
    assert 0 < part["compared"] < same["compared"]
    assert part["handled_before"] == half - 1

    strategy.write_text(STRATEGY.format(every=7).replace("10)", "11)"))
    edited = workshop.run("replay", "--tape", "day.tape")
    assert edited.code == 1
    assert "quantity" in edited.out
    assert "strategy.Often: its code has been changed since" in edited.out
    assert "today's code asks for an order at mine.py:12: self.exit(bar.symbol)" in edited.out
    strategy.write_text(STRATEGY.format(every=9))
    silent = workshop.run("replay", "--tape", "day.tape")
    assert "asks for nothing; it ended at mine.py:11: if self.seen % 9 == 0:" in silent.out


def test_a_damaged_file_is_one_sentence(workshop: Workshop) -> None:
    path = workshop.path / "day.tape"
    record(path)
    whole = path.read_bytes()
    assert workshop.run("replay", "--tape", "day.tape").code == 0
    path.write_bytes(whole[: len(whole) // 2])
    assert "is cut: its end is missing" in workshop.run("replay", "--tape", "day.tape").error
    middle = len(whole) // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    assert "does not match its checksum" in workshop.run("replay", "--tape", "day.tape").error
    path.write_bytes(b"symbol,ts,open\n")
    assert "is no archive of a tape" in workshop.run("replay", "--tape", "day.tape").error


def test_an_older_schema_and_a_place_behind_the_end_are_one_sentence(workshop: Workshop) -> None:
    record(workshop.path / "day.tape")
    tape = ArchiveTape.open(workshop.path / "day.tape")
    older = replace(tape.header, release="0.0.1")
    with writing(workshop.path / "old.tape", older, force=False) as writer:
        for entry in tape.entries():
            payload = entry.payload.replace(b'"v":1,', b'"v":0,', 1)
            writer.add(replace(entry, payload=payload))
        writer.finish()
    refused = workshop.run("replay", "--tape", "old.tape")
    assert refused.code == 2
    assert "recorded by release 0.0.1 with schema version 0" in refused.error
    for option in ("--from", "--break-at"):
        behind = workshop.run("replay", "--tape", "day.tape", option, "999999")
        assert behind.code == 2
        assert f"{option} 999,999 lies behind the last message" in behind.error


def test_what_cannot_be_replayed_is_one_sentence(workshop: Workshop) -> None:
    outcome = workshop.run("replay", "--state", str(workshop.path / "nowhere"))

    assert outcome.code == 3
    assert "no desk runs in" in outcome.error
