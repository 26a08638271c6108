"""The charts library is the one that was published, with the licences that travel with it."""

from hashlib import sha256
from pathlib import Path

VENDORED = Path(__file__).parents[4] / "console/report/assets/vendor/echarts"


def test_the_files_are_as_they_were_published() -> None:
    lines = (VENDORED / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split() for line in lines)}
    assert set(sums) == {one.name for one in VENDORED.iterdir()} - {"README.md", "SHA256SUMS"}
    for name, digest in sums.items():
        assert sha256((VENDORED / name).read_bytes()).hexdigest() == digest, name


def test_the_library_is_of_the_release_that_is_named() -> None:
    version = (VENDORED / "VERSION").read_text(encoding="utf-8").strip()
    assert f'version="{version}"' in (VENDORED / "echarts.common.min.js").read_text("utf-8")


def test_licences_travel_with_the_library() -> None:
    assert "Apache License" in (VENDORED / "LICENSE").read_text(encoding="utf-8")
    assert "Mike Bostock" in (VENDORED / "LICENSE-d3").read_text(encoding="utf-8")
