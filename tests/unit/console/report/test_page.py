"""A report is one file that asks nobody for anything, and no name in it can become markup."""

import json
import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from console.report.page import check_place, page, write_page
from shared.domain.errors import ConfigurationError

HOSTILE = "</script><script>alert(1)</script><!--\u2028&"


def scripts(text: str) -> list[tuple[str, str]]:
    return re.findall(r"<script([^>]*)>(.*?)</script>", text, re.DOTALL)


def test_hostile_names_stay_data() -> None:
    text = page(HOSTILE, {"kind": "backtest", "name": HOSTILE})
    (attributes, data), charts, own = scripts(text)
    assert 'type="application/json"' in attributes
    assert json.loads(data) == {"kind": "backtest", "name": HOSTILE}
    assert "alert(1)" not in charts[1] + own[1]
    assert "<title>&lt;/script&gt;&lt;script&gt;alert(1)" in text


def test_only_the_two_scripts_may_run_and_nothing_may_be_fetched() -> None:
    text = page("t", {"kind": "backtest"})
    _, *run = scripts(text)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    hashes = [b64encode(sha256(body.encode()).digest()).decode() for _, body in run]
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    assert policy[1].startswith(f"default-src 'none'; script-src {allowed};")
    head = text.partition("<script")[0]
    assert "base-uri 'none'; form-action 'none'" in policy[1]
    assert "http:" not in head
    assert "https:" not in head


def test_a_report_replaces_the_one_before_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    for name in ("one", "two"):
        check_place(path)
        write_page(path, name, {"kind": "backtest"})
    assert "<title>two</title>" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_no_report_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "thesis.html"
    path.write_text("<!DOCTYPE html><title>two years of work</title>", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="not a report of tapedeck stands there"):
        check_place(path)


def test_an_empty_file_is_nobodys_work(tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.touch()
    check_place(path)


def test_behind_a_link_the_file_is_replaced_and_the_link_stays(tmp_path: Path) -> None:
    target, link = tmp_path / "real.html", tmp_path / "r.html"
    write_page(target, "one", {"kind": "backtest"})
    link.symlink_to(target)
    check_place(link)
    write_page(link, "two", {"kind": "backtest"})
    assert link.is_symlink()
    assert "<title>two</title>" in target.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("results.json", "the name of a report ends in .html"),
        ("none/r.html", "cannot be written: No such file or directory"),
        ("folder.html", "that is a folder"),
    ],
)
def test_a_place_that_cannot_be_is_told_before_the_run(
    tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(ConfigurationError, match=sentence):
        check_place(tmp_path / name)


def test_a_report_that_fails_late_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"--report .*: cannot be written: No such file"):
        write_page(tmp_path / "none/r.html", "t", {})
