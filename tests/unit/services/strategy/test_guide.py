"""The guide's code runs as it is written."""

import re
import tomllib
from pathlib import Path

import pytest

from services.strategy import Strategy
from services.strategy.config import StrategySettings
from services.strategy.rehearsal import rehearse
from services.strategy.state import Code
from tests.unit.services.strategy.test_rehearsal import bars

ROOT = Path(__file__).parents[4]
GUIDE = (ROOT / "docs" / "writing-a-strategy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_python_block_runs_and_what_it_defines_can_be_played(block: str) -> None:
    names: dict[str, object] = {"__name__": __name__}
    exec(compile(block, "guide", "exec", dont_inherit=True), names)
    for cls in list(names.values()):
        if isinstance(cls, type) and issubclass(cls, Strategy) and cls is not Strategy:
            said = rehearse(cls(), bars(*([100.0, 101.0, 99.0, 105.0] * 10)))
            assert not [m for m in said if getattr(m, "code", "") == Code.ERROR]


def test_the_configuration_block_is_valid() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    StrategySettings(**tomllib.loads(block)["strategies"]["my_cross"])


def test_every_code_of_why_not_is_explained() -> None:
    assert re.findall(r"^\| `(\w+)` \|", GUIDE.split("why-not")[1], re.MULTILINE) == list(Code)


def test_every_hook_and_action_is_named() -> None:
    public = [name for name in vars(Strategy) if not name.startswith("_")]
    assert [name for name in public if name not in GUIDE] == []
