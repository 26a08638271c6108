"""requirements/ says what pyproject.toml asks for, pinned by hash, and names no index."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.tidy.code import ROOT

FILES = ("data", "strategy", "risk", "execution", "ledger", "console", "build", "dev", "uv")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)")
GROUPS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]


def path_of(group: str) -> Path:
    return ROOT / "requirements" / f"{group}.txt"


def asked_for(group: str) -> list[Requirement]:
    asked = []
    for entry in GROUPS[group]:
        if isinstance(entry, str):
            asked.append(Requirement(entry))
        else:
            asked += asked_for(entry["include-group"])
    return asked


def pinned(group: str) -> dict[str, Version]:
    lines = path_of(group).read_text(encoding="utf-8").splitlines()
    found = [match for line in lines if (match := PIN.match(line))]
    return {canonicalize_name(match[1]): Version(match[2]) for match in found}


@pytest.mark.parametrize("group", FILES)
def test_every_direct_dependency_is_pinned_to_a_version_that_is_allowed(group: str) -> None:
    pins = pinned(group)
    for requirement in asked_for(group):
        name = canonicalize_name(requirement.name)
        assert name in pins, f"{requirement} is missing: make lock"
        assert requirement.specifier.contains(pins[name], prereleases=True), (
            f"{requirement} was pinned to {pins[name]}: make lock"
        )


@pytest.mark.parametrize("group", [group for group in FILES if group not in ("dev", "uv")])
def test_all_groups_agree_so_that_they_share_an_environment(group: str) -> None:
    everything = pinned("dev")
    assert {name: everything.get(name) for name in pinned(group)} == pinned(group)


@pytest.mark.parametrize("group", FILES)
def test_every_pin_has_hashes_and_no_line_says_where_from(group: str) -> None:
    text = path_of(group).read_text(encoding="utf-8")
    assert not re.search(r"://|--index|--extra|--find-links|--trusted|\s@\s|^-", text, re.MULTILINE)
    blocks = re.split(r"\n(?=\S)", text.strip())
    assert blocks
    for block in blocks:
        assert PIN.match(block), block
        assert "--hash=sha256:" in block, block


def test_there_is_a_file_for_each_group_and_no_other() -> None:
    present = {path.stem for path in (ROOT / "requirements").iterdir()}
    assert present == set(FILES)


@pytest.mark.parametrize("group", ["strategy", "risk", "execution", "ledger"])
def test_a_service_does_not_install_pandas(group: str) -> None:
    assert not {"pandas", "exchange-calendars", "pytest"} & set(pinned(group))
