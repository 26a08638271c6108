"""`tapedeck check-strategy`, from the command line to the exit code."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from console.check_strategy.lint import lint_class
from console.check_strategy.twice import run_twice
from console.output import print_json
from services.strategy.catalogue import resolve
from shared.domain.errors import ConfigurationError
from shared.runtime.exits import Exit


def check_strategy(use: str, params: Mapping[str, object], *, as_json: bool) -> Exit:
    """Lint a strategy, run it twice, print what is found; UNEXPECTED when something is.

    Raises ConfigurationError for a strategy that cannot be loaded or made.
    """
    findings = lint_class(resolve(use))
    differs, refused = "", ""
    try:
        differs = run_twice(use, params)
    except ConfigurationError as error:
        if not findings:
            raise
        refused = str(error)
    if as_json:
        lines = [msgspec.to_builtins(finding) for finding in findings]
        print_json(
            {
                "strategy": use,
                "findings": lines,
                "differs": differs or None,
                "refused": refused or None,
            }
        )
    else:
        for one in findings:
            print(f"{Path(one.path).name}:{one.line}:{one.column}: {one.code}")
            print(f"    {one.why}; {one.instead}")
        if refused:
            print(f"it was not run: {refused}")
        elif differs:
            print(f"two runs over the same bars decide differently: {differs}")
        elif not findings:
            print(f"{use}: two runs decide the same, and nothing in its source speaks against it")
    return Exit.UNEXPECTED if findings or differs else Exit.OK
