"""The files that the rules of this folder are about."""

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE_ROOTS = ("console", "services", "shared")


@functools.cache
def tracked_files() -> tuple[Path, ...]:
    """Return what is or will be committed; in a copy without git, everything but dot folders."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    except (FileNotFoundError, subprocess.CalledProcessError):
        paths = [path for path in ROOT.rglob("*") if not _is_left_out(path)]
    return tuple(sorted(path for path in paths if path.is_file()))


def _is_left_out(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    return any(part.startswith(".") or part in ("__pycache__", "build", "dist") for part in parts)


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
