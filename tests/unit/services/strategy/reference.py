"""Where the reference data of the indicators is, or a counted reason why it is not."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]


def reference_folder() -> Path:
    data = Path(os.environ.get("TAPEDECK_DATA") or ROOT / ".." / "shared" / "data")
    folder = data / "reference" / "indicators_facioquo"
    if not folder.is_dir():
        pytest.skip("no reference data: TAPEDECK_DATA names no folder with reference/")
    return folder
