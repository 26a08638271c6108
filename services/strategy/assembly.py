"""From settings to actors, for the service and for a backtest alike."""

from collections.abc import Mapping

from services.strategy.catalogue import resolve, sources_of
from services.strategy.config import StrategySettings
from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S
from shared.messages.control import Activate
from shared.runtime.actor import Actor, Rank

PACKAGES = ("services.strategy", "shared.domain", "shared.messages")


def strategy_actors(book: str, strategies: Mapping[str, StrategySettings]) -> list[Actor]:
    """Return one actor per instance, by id; ConfigurationError names the instance at fault."""
    return [_actor(book, name, strategies[name]) for name in sorted(strategies)]


def _actor(book: str, name: str, settings: StrategySettings) -> Actor:
    cls = resolve(settings.use)
    try:
        strategy = cls(**settings.params)
    except ConfigurationError as error:
        raise ConfigurationError(f"strategy {name!r}: {error}") from None
    instance = Instance(
        id=name,
        book=book,
        symbols=_symbols(name, settings.symbols),
        timeframe=settings.timeframe or "",
        signal_ttl_ns=round(settings.signal_ttl_s * NS_PER_S),
        errors_max=settings.errors_max,
    )
    opening = [Activate(strategy_id=name, reason="active by configuration")]
    return Actor(
        core=StrategyCore(instance, strategy),
        rank=Rank.STRATEGY,
        configuration={"book": book, **settings.model_dump(mode="json", exclude={"active"})},
        packages=[*PACKAGES, *sources_of(cls)],
        answers_history=False,
        opening=opening if settings.active else [],
    )


def _symbols(name: str, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """Return the symbols without repetitions; "*" stands for all and so stands alone."""
    if "*" in symbols and len(symbols) > 1:
        raise ConfigurationError(
            f"strategies.{name}.symbols: '*' means all symbols and must stand alone"
        )
    if "" in symbols:
        raise ConfigurationError(f"strategies.{name}.symbols: a symbol is empty")
    return tuple(dict.fromkeys(symbols))
