from pathlib import Path

import pytest

from services.strategy.assembly import strategy_actors
from services.strategy.config import StrategyServiceSettings, StrategySettings
from shared.config.desk import load
from shared.domain.errors import ConfigurationError
from shared.messages.control import Activate
from shared.runtime.actor import Rank
from shared.runtime.digest import code_digest

MINE = "from services.strategy import Strategy\nclass Mine(Strategy):\n    fast: int = 3\n"


def test_there_is_one_actor_per_instance_sorted_by_id() -> None:
    use = StrategySettings(use="ema_crossover")
    actors = strategy_actors("main", {"b": use, "a": use})
    assert [str(actor.core.lane) for actor in actors] == ["strategy.a", "strategy.b"]
    assert all(actor.rank is Rank.STRATEGY and not actor.answers_history for actor in actors)


def test_an_active_instance_activates_itself_at_its_first_birth() -> None:
    (quiet,) = strategy_actors("main", {"a": StrategySettings(use="orb")})
    (loud,) = strategy_actors("main", {"a": StrategySettings(use="orb", active=True)})
    assert quiet.opening == []
    (command,) = loud.opening
    assert isinstance(command, Activate)
    assert command.strategy_id == "a"
    assert loud.configuration == quiet.configuration


def test_the_digest_of_an_authors_file_changes_with_its_text(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    digests = []
    for text in (MINE, MINE + "    slow: int = 9\n"):
        path.write_text(text, encoding="utf-8")
        (actor,) = strategy_actors("main", {"a": StrategySettings(use=str(path))})
        digests.append(code_digest(actor.packages))
    assert digests[0] != digests[1]


def test_a_bad_parameter_names_instance_class_and_key() -> None:
    settings = StrategySettings(use="ema_crossover", params={"fats": 1})
    with pytest.raises(ConfigurationError, match=r"strategy 'mine': EmaCrossover: unknown.*'fats'"):
        strategy_actors("main", {"mine": settings})


@pytest.mark.parametrize("symbols", [("*", "AAPL"), ("",)])
def test_symbols_that_contradict_are_refused(symbols: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match=r"strategies\.a\.symbols"):
        strategy_actors("main", {"a": StrategySettings(use="orb", symbols=symbols)})


def test_a_symbol_named_twice_is_read_once() -> None:
    settings = StrategySettings(use="orb", symbols=("A", "B", "A"))
    (actor,) = strategy_actors("main", {"a": settings})
    assert len(set(actor.core.reads)) == len(actor.core.reads)


def test_the_demo_profile_can_be_hosted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK_PROFILE", "demo")
    settings = load(StrategyServiceSettings)
    assert len(strategy_actors(settings.book, settings.strategies)) == 2
