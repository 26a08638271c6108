"""The prompt inside a replay, by its keys."""

import asyncio
import io

import pytest

from console.in_process import actors_of
from console.replay.inside import Inside, QuitError, Stops
from console.replay.recorded import desk_of, survey
from shared.runtime.replay import Replay, Verdict
from shared.tape.archive import ArchiveTape
from tests.recorded import record


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> ArchiveTape:
    path = tmp_path_factory.mktemp("tape") / "a.tape"
    record(path)
    return ArchiveTape.open(path)


def first(archive: ArchiveTape, event: str) -> int:
    return next(e.seq for e in archive.entries() if f".{event}" in e.subject)


def talk(archive: ArchiveTape, keys: str, at: int) -> tuple[str, Verdict | None]:
    """Return what the screen showed, and the verdict unless somebody quit."""
    found = asyncio.run(survey(archive))
    actors = actors_of(desk_of(found.certificates), archive.id, found.native)
    run = Replay(archive.id, actors, found.certificates)
    screen = io.StringIO()
    inside = Inside(archive, run, Stops(at), io.StringIO(keys), screen)

    async def scenario() -> Verdict | None:
        try:
            for entry in archive.entries():
                await inside.feed(entry)
        except QuitError:
            return None
        return run.end()

    verdict = asyncio.run(scenario())
    return screen.getvalue(), verdict


def test_it_stops_before_the_message_and_the_state_is_of_before(archive: ArchiveTape) -> None:
    seq = first(archive, "filled")
    shown, verdict = talk(
        archive, "state risk.main holdings\nstep\nstate risk.main holdings\n", seq
    )
    assert f"stopped before {seq:,}" in shown
    assert f"stopped before {seq + 1:,}" in shown
    before, _, after = shown.partition(f"stopped before {seq + 1:,}")
    assert before.rstrip().endswith("(replay)")
    assert '"quantity": "0"' in before
    assert '"quantity": "49"' in after
    assert verdict is not None
    assert verdict.found == 0


def test_looking_around_changes_nothing(archive: ArchiveTape) -> None:
    seq = first(archive, "approved")
    keys = "message\nstate\nstate strategy.ema_crossover attributes\nwhy\nsaid\nhelp\ncontinue\n"
    shown, verdict = talk(archive, keys, seq)
    assert verdict is not None
    assert verdict.found == 0
    assert "order_type" in shown
    assert "data.file" in shown  # the bar that led here
    assert "submitting" in shown  # what execution answered
    assert "pdb [LANE]" in shown


def test_a_wrong_word_is_answered_and_the_prompt_stays(archive: ArchiveTape) -> None:
    seq = first(archive, "approved")
    keys = "jump\nstep x\nstate nobody\nstate risk.main cash there\npdb\nquit\n"
    shown, verdict = talk(archive, keys, seq)
    assert verdict is None
    for sentence in (
        "'jump' is no command here", "step x: a number from 1", "no actor 'nobody': one of",
        "risk.main has no 'there' there", "pdb: this message is read by no strategy",
    ):  # fmt: skip
        assert sentence in shown


def test_the_debugger_stops_in_the_authors_own_code(archive: ArchiveTape) -> None:
    seq = first(archive, "bar.1m")
    shown, verdict = talk(archive, "pdb\np bar.symbol\nc\nquit\n", seq)
    assert "crossover.py" in shown
    assert "-> symbol = bar.symbol" in shown
    assert "(Pdb) '" in shown
    assert f"stopped before {seq + 1:,}" in shown
    assert verdict is None


@pytest.mark.parametrize("leaving", ["q\n", "exit\n", "c\n", ""])
def test_leaving_the_debugger_is_no_failure_of_the_strategy(
    archive: ArchiveTape, leaving: str
) -> None:
    seq = first(archive, "bar.")
    shown, verdict = talk(archive, f"pdb\n{leaving}", seq)
    assert "on_bar()" in shown
    assert verdict is not None
    assert verdict.found == 0
