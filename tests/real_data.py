"""Real market data and reference numbers: not part of the project, read in place.

`TAPEDECK_DATA` names their folder, or they lie in `../shared/data`. A test that needs one and
does not find it is skipped, with a reason that pytest counts.
"""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = Path(os.environ.get("TAPEDECK_DATA") or ROOT.parent / "shared" / "data")


def real(name: str) -> Path:
    """Return the path of a file or folder of real data."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real data: {name} is not in TAPEDECK_DATA or ../shared/data")
    return path
