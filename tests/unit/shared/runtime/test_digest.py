"""The digest of the code that decides."""

import sys
from pathlib import Path

import pytest

from shared.runtime.digest import code_digest


def test_it_covers_packages_and_modules_in_any_order() -> None:
    both = code_digest(["shared.messages", "shared.core"])

    assert both == code_digest(["shared.core", "shared.messages"])
    assert len({both, code_digest(["shared.messages"]), code_digest(["shared.core"])}) == 3


def test_any_change_of_any_file_of_a_package_changes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "digested"
    (package / "inner").mkdir(parents=True)
    for name in ("__init__.py", "inner/__init__.py", "inner/rule.py"):
        (package / name).write_text("LIMIT = 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    before = code_digest(["digested"])

    (package / "inner" / "rule.py").write_text("LIMIT = 2\n")
    assert code_digest(["digested"]) != before
    (package / "inner" / "rule.py").write_bytes(b"LIMIT = 1\r\n")  # as some systems check it out
    assert code_digest(["digested"]) == before
    monkeypatch.delitem(sys.modules, "digested")
