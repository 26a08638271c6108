"""The files that the rules of this folder are about."""

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("console", "services", "shared")


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Return what git tracks and what it would add: everything that is or will be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    return tuple(sorted(ROOT / name for name in listed if name and (ROOT / name).is_file()))


def source_files() -> list[Path]:
    """Return the modules of the product."""
    return [path for path in python_files() if relative(path).split("/")[0] in SOURCE_ROOTS]


def python_files() -> list[Path]:
    return [path for path in tracked_files() if path.suffix == ".py"]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=relative(path))


def decides(path: Path) -> bool:
    """Tell whether a module is decision code: the same input must give the same output."""
    name = relative(path)
    if name.startswith(("shared/domain/", "shared/messages/")):
        return True
    if name in ("shared/core.py", "shared/permissions.py", "shared/subjects.py"):
        return True
    if name.startswith(("services/execution/paper/", "services/strategy/builtin/")):
        return True
    if name.startswith("services/strategy/indicators/"):
        return True
    in_service = name.startswith("services/")
    return in_service and (path.name in ("core.py", "state.py") or "/rules/" in name)
