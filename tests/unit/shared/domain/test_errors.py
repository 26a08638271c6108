"""Failures are typed: ours stop the process, the world's carry a sentence."""

import subprocess
import sys

import pytest

from shared.domain import errors
from shared.domain.errors import InvariantError, TapedeckError, ensure


def test_an_invariant_that_does_not_hold_names_its_rule() -> None:
    with pytest.raises(InvariantError, match="INV-BOOKS: off by a cent") as broken:
        ensure(False, "INV-BOOKS", "off by a cent")
    assert broken.value.rule == "INV-BOOKS"


def test_an_invariant_that_holds_says_nothing() -> None:
    ensure(True, "INV-BOOKS", "never read")


def test_invariants_are_checked_under_optimisation_too() -> None:
    code = "from shared.domain.errors import ensure; ensure(False, 'INV-X', 'broken')"
    run = subprocess.run(
        [sys.executable, "-O", "-c", code], capture_output=True, check=False, timeout=30
    )
    assert b"INV-X: broken" in run.stderr


def test_every_error_of_the_project_has_the_one_base() -> None:
    ours = [item for item in vars(errors).values() if isinstance(item, type)]
    assert len(ours) >= 5
    assert all(issubclass(error, TapedeckError) for error in ours)
