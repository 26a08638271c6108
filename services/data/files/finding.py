"""From paths to files: which ones are ours, in a fixed order."""

from collections.abc import Sequence
from pathlib import Path

from shared.domain.errors import DataError

SUFFIXES = (".parquet", ".csv", ".csv.gz")


def find_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files that the paths name, folders searched to the bottom, in a fixed order."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and _is_ours(p))
            if not inside:
                raise DataError(f"{path}: no {', '.join(SUFFIXES)} file in this folder")
            found += inside
        elif not path.exists():
            raise DataError(f"{path}: no such file or folder")
        elif not _is_ours(path):
            raise DataError(f"{path}: the name must end in one of {', '.join(SUFFIXES)}")
        else:
            found.append(path)
    if not found:
        raise DataError("the file feed has no files: name some in data.file.paths")
    return found


def _is_ours(path: Path) -> bool:
    return path.name.endswith(SUFFIXES)
