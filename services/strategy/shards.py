"""A strategy over many symbols, divided: each shard is an actor with a lane of its own.

`strategy.<id>~2of4` handles the symbols that fall to it and speaks in the name of `<id>`. Which
symbols those are follows from the symbol and the number of shards alone, also where the strategy
reads all there are. Its positions come from the fills of `<id>` in its symbols, whoever signalled
them: shards of another number that read the tape from its beginning know what was held.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import override

from services.strategy.core import StrategyCore
from services.strategy.state import Instance
from shared.core import Run, Stamp
from shared.domain.errors import ConfigurationError
from shared.messages.base import Message
from shared.messages.lane import State
from shared.subjects import Lane, lane
from shared.tape.interface import ReadableTape
from shared.tape.reading import read_all

_BIRTHS = "strategy.*.state"


def shard_of(symbol: str, shards: int) -> int:
    """Return which shard handles a symbol, from 1; the same everywhere and for ever."""
    return int.from_bytes(blake2b(symbol.encode(), digest_size=4).digest()) % shards + 1


def actor_name(strategy_id: str, shard: int, shards: int) -> str:
    """Return the actor of a shard; a strategy that is not divided is one shard of its own name."""
    return strategy_id if shards == 1 else f"{strategy_id}~{shard}of{shards}"


def lanes_of(divided: Mapping[str, int]) -> list[Lane]:
    """Return the lanes of strategies by id, given how many shards each has, in their order."""
    return [
        lane("strategy", actor_name(name, shard, shards))
        for name, shards in sorted(divided.items())
        for shard in range(1, shards + 1)
    ]


def symbols_of(instance: Instance) -> tuple[str, ...]:
    """Return the symbols of an instance that fall to its shard; ("*",) stays."""
    if "*" in instance.symbols:
        return instance.symbols
    return tuple(s for s in instance.symbols if shard_of(s, instance.shards) == instance.shard)


class ShardCore(StrategyCore):
    """One shard: a core that is deaf to the symbols of the others."""

    @override
    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        symbol: str | None = getattr(message, "symbol", None)
        if symbol is not None and not self._is_ours(symbol):
            self._seq = stamp.seq
            return ()
        return super().handle(stamp, message)

    @override
    def handle_run(self, run: Run, /) -> tuple[int, tuple[Message, ...]]:
        """Take none: the symbols of others are among them."""
        return 0, ()

    def _is_ours(self, symbol: str) -> bool:
        return shard_of(symbol, self._instance.shards) == self._instance.shard


async def refuse_unlearnable(tape: ReadableTape, divided: Mapping[str, int]) -> None:
    """Refuse another number of shards where the new ones could not learn what is held.

    New lanes build their state from the tape's beginning. Where that is gone, fills are gone with
    it, and a shard that believes to be flat would neither exit nor hold back. Raises
    ConfigurationError.
    """
    if (await tape.bounds()).trimmed_before <= 1:
        return
    known = await _born(tape)
    for name, shards in sorted(divided.items()):
        wanted = [actor_name(name, shard, shards) for shard in range(1, shards + 1)]
        others = [one for one in known if one.partition("~")[0] == name and one not in wanted]
        if others and not set(wanted) <= set(known):
            raise ConfigurationError(
                f"strategies.{name}.shards: {shards} now, but its lanes on the tape are"
                f" {', '.join(others)}, and the tape was trimmed: new lanes could not learn what"
                " it holds. Keep the number; or close its positions and give it a new id"
            )


async def _born(tape: ReadableTape) -> Sequence[str]:
    """Return every strategy actor that was ever born, in that order."""
    found: dict[str, None] = {}
    async for entry in read_all(tape, [_BIRTHS]):
        if isinstance(entry.open()[1], State):
            found[entry.lane.actor] = None
    return tuple(found)
