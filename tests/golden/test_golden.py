"""Today's code decides what the golden tapes hold, however a process hashes text."""

import json
import os
import subprocess
import sys

import pytest

from shared.tape.archive import ArchiveTape
from tests.golden.stories import STORIES, digests_of, path_of, pinned
from tests.tidy.code import ROOT

ADVICE = "if that is on purpose: `make golden`, and say in CHANGELOG.md what is different"


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
@pytest.mark.parametrize("name", STORIES)
def test_todays_code_decides_what_was_recorded(name: str, hash_seed: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "console.cli", "replay", "--tape", str(path_of(name)), "--json"],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stdout, ended.stderr
    found = json.loads(ended.stdout)
    assert found["differences"] == 0, f"{found['first']}; {ADVICE}"
    assert found["unanswered"] == 0
    assert found["compared"] > 150


def test_what_the_tapes_hold_is_what_was_pinned_in_words_that_a_review_can_read() -> None:
    assert {name: digests_of(name) for name in STORIES} == pinned(), ADVICE


def test_the_golden_tapes_tell_what_they_are_kept_for() -> None:
    """A story without its point would agree with any code."""
    wanted = {
        "demo": ("submitting", "filled", "trade", "bar"),
        "limits": ("denied", "halted", "violation", "filled", "suppressed"),
        "actions": ("action", "filled", "account"),
    }
    for name, events in wanted.items():
        subjects = {
            entry.subject.split(".")[2] for entry in ArchiveTape.open(path_of(name)).entries()
        }
        assert set(events) <= subjects
