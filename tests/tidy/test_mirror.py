"""Every module with logic has its test file where a stranger looks for it."""

import ast
from pathlib import Path

import pytest

from tests.tidy.code import ROOT, parsed, relative, source_files

_ENGINE = "tests/unit/console/backtest/test_engine.py"
ELSEWHERE: dict[str, tuple[str, str]] = {
    "console/backtest/curves.py": (_ENGINE, "held to the books at the end of a run"),
    "console/backtest/honesty/apart.py": (
        "tests/unit/console/backtest/honesty/test_lookahead.py",
        "looks at child processes",
    ),
    "console/backtest/notebook.py": (_ENGINE, "held to the fills on the whole tape"),
    "console/backtest/opening.py": (
        "tests/unit/console/backtest/test_command.py",
        "what the command refuses",
    ),
    "console/backtest/progress.py": ("tests/unit/console/backtest/test_command.py", "a drawing"),
    "console/backtest/unread.py": (
        "tests/unit/console/backtest/test_timeline.py",
        "held to what the aggregator says",
    ),
    "console/cli_tape.py": ("tests/e2e/test_tape.py", "run as a user does"),
    "console/optimize/farm.py": ("tests/integration/test_ray.py", "processes and a cluster"),
    "console/optimize/trials.py": (
        "tests/unit/console/optimize/test_command.py",
        "runs in child processes",
    ),
    "console/books.py": ("tests/e2e/test_live.py", "asks a running desk"),
    "console/control.py": ("tests/e2e/test_live.py", "asks a running desk"),
    "console/kill.py": ("tests/e2e/test_kill.py", "says it to a running desk"),
    "console/desk.py": ("tests/e2e/test_live.py", "starts every service"),
    "console/in_process.py": ("tests/e2e/test_one_process.py", "compared with the real desk"),
    "console/init.py": ("tests/e2e/test_live.py", "starts the servers"),
    "console/replay/command.py": ("tests/e2e/test_replay.py", "runs a whole desk"),
    "console/check_strategy/command.py": ("tests/e2e/test_check_strategy.py", "prints"),
    "console/check_strategy/twice.py": ("tests/e2e/test_check_strategy.py", "starts processes"),
    "console/cli_explain.py": ("tests/unit/console/test_cli.py", "commands like those of cli"),
    "console/play.py": ("tests/integration/test_play.py", "needs a server"),
    "console/what_if/command.py": ("tests/e2e/test_what_if.py", "prints"),
    "console/why/command.py": ("tests/e2e/test_why.py", "prints"),
    "console/why/telling.py": ("tests/unit/console/why/test_story.py", "tells what is found there"),
    "console/check_strategy/names.py": (
        "tests/unit/console/check_strategy/test_lint.py",
        "the names are what the lint goes by",
    ),
    "console/servers.py": ("tests/integration/test_supervision.py", "starts the servers"),
    "console/status.py": ("tests/e2e/test_live.py", "asks a running desk"),
    "console/tape_files.py": ("tests/integration/test_tape_tools.py", "needs real servers"),
    "console/tape_trim.py": ("tests/integration/test_tape_tools.py", "needs real servers"),
    "console/tape_verify.py": ("tests/integration/test_tape_tools.py", "needs real servers"),
    "console/tapes.py": ("tests/e2e/test_live.py", "asks a running desk"),
    "console/up.py": ("tests/e2e/test_run.py", "starts every service"),
    "console/validate.py": ("tests/e2e/test_live.py", "asks a running desk"),
    "services/data/files/finding.py": (
        "tests/unit/services/data/files/test_reading.py",
        "found, then read",
    ),
    "services/ledger/adapters/engine.py": (
        "tests/integration/test_ledger_writer.py",
        "needs a real PostgreSQL",
    ),
    "services/ledger/adapters/identity.py": (
        "tests/integration/test_ledger_identity.py",
        "needs a real PostgreSQL",
    ),
    "services/ledger/adapters/writer.py": (
        "tests/integration/test_ledger_writer.py",
        "needs a real PostgreSQL",
    ),
    "services/ledger/main.py": ("tests/e2e/test_live.py", "asked for its metrics"),
    "services/ledger/migrate.py": (
        "tests/integration/test_ledger_migrations.py",
        "needs a real PostgreSQL",
    ),
    "services/ledger/migrations/versions/r0001_audit_trail.py": (
        "tests/integration/test_ledger_migrations.py",
        "needs a real PostgreSQL",
    ),
    "services/ledger/queries.py": (
        "tests/integration/test_ledger_queries.py",
        "needs a real PostgreSQL",
    ),
    "shared/runtime/playback.py": ("tests/property/test_patience.py", "held to cores given all"),
    "shared/runtime/held.py": ("tests/property/test_patience.py", "held to cores given all"),
    "shared/runtime/routes.py": ("tests/property/test_patience.py", "a desk's readers"),
    "shared/runtime/conductor.py": (
        "tests/integration/test_lockstep.py",
        "needs several participants",
    ),
    "shared/runtime/drain.py": (
        "tests/integration/test_lockstep.py",
        "compared with the real tape",
    ),
    "shared/runtime/hosted.py": ("tests/integration/test_scaling.py", "needs a real server"),
    "shared/runtime/runner.py": ("tests/integration/test_runner.py", "needs a real tape"),
    "shared/runtime/service.py": ("tests/integration/test_service.py", "is a process"),
    "shared/runtime/snapshot_store.py": (
        "tests/integration/test_snapshot_store.py",
        "needs a real server",
    ),
    "shared/runtime/turns.py": ("tests/integration/test_lockstep.py", "needs several participants"),
    "shared/tape/administration.py": (
        "tests/integration/test_tape_tools.py",
        "needs a real server",
    ),
    "shared/tape/client.py": ("tests/integration/test_client.py", "needs a real server"),
    "shared/tape/jetstream.py": ("tests/contract/test_tape.py", "one suite for every tape"),
    "shared/tape/restore.py": ("tests/integration/test_tape_tools.py", "needs a real server"),
    "shared/tape/memory.py": ("tests/contract/test_tape.py", "one suite for every tape"),
}
"""The only exceptions: the test file instead, and why it is not the mirror."""
LOGIC = (ast.If, ast.For, ast.While, ast.Try, ast.With, ast.Match, ast.IfExp, ast.comprehension)


def has_logic(path: Path) -> bool:
    """Tell whether a module decides anything: constants, types, wiring do not."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    return any(
        isinstance(inner, LOGIC)
        for node in ast.walk(parsed(path))
        if isinstance(node, functions)
        for inner in ast.walk(node)
    )


def mirror_of(path: Path) -> str:
    """Return where its tests are: `tests/unit/<folder>/test_<module>.py`."""
    folder, name = Path(relative(path)).parent, path.stem
    if name == "__init__":
        folder, name = folder.parent, folder.name
    return (Path("tests/unit") / folder / f"test_{name}.py").as_posix()


@pytest.mark.parametrize("path", source_files(), ids=relative)
def test_a_module_with_logic_has_a_test_file(path: Path) -> None:
    if not has_logic(path):
        return
    expected, _ = ELSEWHERE.get(relative(path), (mirror_of(path), ""))
    assert (ROOT / expected).is_file(), f"{expected} is missing"


def test_exceptions_are_of_modules_that_exist_and_have_a_reason() -> None:
    for module, (_, reason) in ELSEWHERE.items():
        assert (ROOT / module).is_file(), module
        assert reason, module
        assert not (ROOT / mirror_of(ROOT / module)).exists(), f"{module} has its mirror by now"
