"""From settings to actors, for the service and for a backtest alike."""

from collections.abc import Mapping

from msgspec.structs import replace

from services.strategy.catalogue import resolve, sources_of
from services.strategy.config import StrategySettings
from services.strategy.core import StrategyCore
from services.strategy.shards import ShardCore, actor_name, lanes_of, symbols_of
from services.strategy.state import Instance
from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S
from shared.messages.control import Activate
from shared.runtime.actor import Actor, Rank
from shared.subjects import Lane

PACKAGES = ("services.strategy", "shared.domain", "shared.messages")


def strategy_actors(book: str, strategies: Mapping[str, StrategySettings]) -> list[Actor]:
    """Return the actors, by id and shard; ConfigurationError names the instance at fault."""
    return [
        _actor(book, name, strategies[name], shard)
        for name in sorted(strategies)
        for shard in range(1, strategies[name].shards + 1)
    ]


def strategy_lanes(strategies: Mapping[str, StrategySettings]) -> list[Lane]:
    """Return the lanes of those actors, in the same order."""
    return lanes_of({name: settings.shards for name, settings in strategies.items()})


def _actor(book: str, name: str, settings: StrategySettings, shard: int) -> Actor:
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
        shard=shard,
        shards=settings.shards,
        actor=actor_name(name, shard, settings.shards),
    )
    core = StrategyCore if settings.shards == 1 else ShardCore
    opening = [Activate(strategy_id=name, reason="active by configuration")]
    return Actor(
        core=core(replace(instance, symbols=symbols_of(instance)), strategy),
        rank=Rank.STRATEGY,
        configuration={"book": book, **_certified(settings)},
        packages=[*PACKAGES, *sources_of(cls)],
        answers_history=False,
        opening=opening if settings.active else [],
    )


def _certified(settings: StrategySettings) -> dict[str, object]:
    """Return what decides; a lane's name says already which shard it is, and of how many."""
    return settings.model_dump(mode="json", exclude={"active", "shards"})


def _symbols(name: str, symbols: tuple[str, ...]) -> tuple[str, ...]:
    """Return the symbols without repetitions; "*" stands for all and so stands alone."""
    if "*" in symbols and len(symbols) > 1:
        raise ConfigurationError(
            f"strategies.{name}.symbols: '*' means all symbols and must stand alone"
        )
    if "" in symbols:
        raise ConfigurationError(f"strategies.{name}.symbols: a symbol is empty")
    return tuple(dict.fromkeys(symbols))
