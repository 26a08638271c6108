"""A tape leaves in a file and comes back; a desk goes on from it, and lets go what is old."""

import json
import re
from pathlib import Path

from tests.e2e.desk import Outcome, Workshop, write_bars

TAPE_ID = "0123456789abcdef"
STRATEGY = ("--strategy", "ema_crossover", "--set", "fast=3", "--set", "slow=8")


class Desk:
    """One state folder, and commands on it."""

    def __init__(self, workshop: Workshop, name: str) -> None:
        self._workshop = workshop
        self._state = ("--state", str(workshop.path / name))

    def play(self, bars: Path) -> dict[str, object]:
        done = self._workshop.run(
            *("up", "--data", str(bars), "--until-done", "--json", *STRATEGY, *self._state),
            TAPEDECK__TAPE__ID=TAPE_ID,
        )
        return done.result

    def tape(self, *arguments: str) -> Outcome:
        return self._workshop.run("tape", *arguments, *self._state)


def test_a_tape_is_exported_and_another_desk_goes_on_from_it(workshop: Workshop) -> None:
    short = write_bars(workshop.path / "short.csv", 60)
    long = write_bars(workshop.path / "long.csv", 90)
    file = str(workshop.path / "desk.tape")
    first, second = Desk(workshop, "first"), Desk(workshop, "second")
    first.play(short)

    made = first.tape("export", file, "--json").document
    assert first.tape("export", file).error.endswith("or replace it with --force")
    assert workshop.run("tape", "verify", file).code == 0
    for command in (("ls", "--json"), ("tail", "-n", "3", "--json"), ("show", "20", "--json")):
        of_file = workshop.run("tape", *command, "--tape", file)
        assert of_file.out == first.tape(*command).out
        assert of_file.out

    imported = second.tape("import", file, "--json").document
    assert (imported["tape"], imported["messages"]) == (TAPE_ID, made["messages"])
    assert second.tape("info", "--json").document == first.tape("info", "--json").document
    assert "import into an empty state folder" in second.tape("import", file).error
    assert second.play(long) == first.play(long)
    assert second.tape("verify", "--json").document["faults"] == []

    _refused_when_damaged(workshop, Path(file))
    _trimmed(second, long)


def _refused_when_damaged(workshop: Workshop, file: Path) -> None:
    damaged = workshop.path / "damaged.tape"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    verdict = workshop.run("tape", "verify", str(damaged), "--json")
    assert verdict.code == 1
    (fault,) = json.loads(verdict.out)["faults"]
    assert fault["text"].startswith("chunk 1 of 1 (sequences 1-")
    assert "does not match its checksum" in fault["text"]
    damaged.write_text("seq,payload\n1,x\n", encoding="ascii")
    for command in (("verify",), ("ls", "--tape"), ("import",)):
        outcome = workshop.run("tape", *command, str(damaged))
        assert "is no archive of a tape" in outcome.error


def _trimmed(desk: Desk, bars: Path) -> None:
    before = desk.tape("info", "--json").document
    plan = desk.tape("trim", "--before", "999999", "--dry-run", "--json").document
    assert plan["removed"] == 0
    assert plan["before"] <= before["last"] + 1
    assert {bound["who"] for bound in plan["bounds"]} >= {"risk.main", "the ledger's database"}
    assert desk.tape("trim", "--before", "999999", "--json").document["removed"] > 100
    assert desk.tape("verify", "--json").document["faults"] == []
    again = desk.play(bars)
    assert again["tape"]["last"] == before["last"]  # type: ignore[index]
    assert again["faults"] == []


def test_a_tape_that_was_cut_is_refused_by_a_database_that_knows_more(workshop: Workshop) -> None:
    bars = write_bars(workshop.path / "bars.csv", 45)
    file = str(workshop.path / "half.tape")
    desk = Desk(workshop, "desk")
    desk.play(bars)
    desk.tape("export", file, "--to", "120", "--json")
    (workshop.path / "desk" / "nats").rename(workshop.path / "lost")
    desk.tape("import", file, "--json")

    refused = workshop.run(
        *("up", "--data", str(bars), "--until-done", "--json", *STRATEGY),
        *("--state", str(workshop.path / "desk")),
        TAPEDECK__SHUTDOWN_TIMEOUT_S="1",
    )
    assert refused.code != 0
    # At 120, or where the certificates of services that were quicker than the ledger stand.
    ends = r"the tape ends at 1[23]\d: the tape was restored from an older copy"
    assert re.search(ends, refused.error)
