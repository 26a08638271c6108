"""A divided strategy: each symbol has one shard, and every shard knows what it holds."""

import asyncio
from typing import cast, override

import pytest
from msgspec.structs import replace

from services.strategy.assembly import strategy_actors, strategy_lanes
from services.strategy.author import Strategy
from services.strategy.config import StrategySettings
from services.strategy.core import StrategyCore
from services.strategy.shards import refuse_unlearnable, shard_of
from shared.core import Core, Stamp
from shared.domain.errors import ConfigurationError
from shared.domain.values import Timeframe
from shared.messages.base import Message
from shared.messages.control import Activate, Quarantine
from shared.messages.lane import State
from shared.messages.market import Bar
from shared.messages.signals import Signal
from shared.subjects import HOST, Lane, lane
from shared.tape.entry import fact
from shared.tape.interface import Bounds
from shared.tape.memory import MemoryTape
from tests.unit.services.strategy.talk import Talk, signal_in

SYMBOLS = [f"S{i}" for i in range(40)]
EXECUTION = lane("execution", "main")


def cores(shards: int, symbols: tuple[str, ...] = ("*",)) -> list[Core]:
    settings = StrategySettings(use="bench.every_bar:EveryBar", symbols=symbols, shards=shards)
    return [actor.core for actor in strategy_actors("main", {"wide": settings})]


def bar(symbol: str) -> Bar:
    return Bar(
        symbol=symbol, timeframe=Timeframe.M1, start_ns=60 * 10**9, open=1.0, high=1.0, low=1.0,
        close=1.0, volume=1.0,
    )  # fmt: skip


def tell(core: Core, seq: int, message: Message, speaker: Lane = HOST) -> tuple[Message, ...]:
    return core.handle(Stamp(seq, 120 * 10**9, speaker, f"id{seq}", "story"), message)


def test_the_division_is_the_same_for_ever() -> None:
    assert [shard_of(symbol, 4) for symbol in ("AAPL", "MSFT", "SPY", "BRK.B")] == [1, 3, 1, 2]


def test_shards_are_actors_with_lanes_of_their_own() -> None:
    lanes = [str(core.lane) for core in cores(3)]
    assert lanes == ["strategy.wide~1of3", "strategy.wide~2of3", "strategy.wide~3of3"]
    settings = {"b": StrategySettings(use="orb"), "a": StrategySettings(use="orb", shards=2)}
    assert [str(one) for one in strategy_lanes(settings)] == [
        "strategy.a~1of2", "strategy.a~2of2", "strategy.b",
    ]  # fmt: skip
    actors = strategy_actors("main", settings)
    assert [actor.core.lane for actor in actors] == strategy_lanes(settings)


@pytest.mark.parametrize("symbols", [("*",), tuple(SYMBOLS)])
def test_each_symbol_is_answered_by_one_shard_in_the_strategys_name(
    symbols: tuple[str, ...],
) -> None:
    shards = cores(3, symbols)
    for core in shards:
        tell(core, 1, Activate(strategy_id="wide"))
    for seq, symbol in enumerate(SYMBOLS, start=2):
        said = [message for core in shards for message in tell(core, seq, bar(symbol))]
        (signal,) = said
        assert isinstance(signal, Signal)
        assert (signal.strategy_id, signal.symbol) == ("wide", symbol)


def test_of_named_symbols_a_shard_reads_only_its_own() -> None:
    read = [one for core in cores(3, tuple(SYMBOLS)) for one in core.reads if ".bar." in one]
    assert sorted(read) == sorted(f"data.*.bar.1m.{symbol}" for symbol in SYMBOLS)


def test_a_command_to_the_strategy_is_for_all_and_one_to_a_shard_for_it_alone() -> None:
    one, two = cores(2)
    for core in (one, two):
        assert "control.*.activate.wide" in core.reads
        tell(core, 1, Activate(strategy_id="wide"))
    assert "control.*.quarantine.wide~2of2" in two.reads
    assert "control.*.quarantine.wide~2of2" not in one.reads
    tell(two, 2, Quarantine(strategy_id="wide~2of2", from_seq=0))
    symbols = [next(s for s in SYMBOLS if shard_of(s, 2) == n) for n in (1, 2)]
    assert tell(one, 3, bar(symbols[0]))
    assert not tell(two, 3, bar(symbols[1]))


def test_shards_of_another_number_know_the_positions_of_those_before() -> None:
    """They read the same tape: fills name the strategy, not the shard."""
    before = Talk(_strategy_of(cores(1)[0]))
    fills: list[Message] = []
    for symbol in SYMBOLS[:8]:
        signal = signal_in(before.bar(1.0, symbol=symbol))
        wanted = Signal(**{f: getattr(signal, f) for f in signal.__struct_fields__})
        fills.append(_filled(before, wanted))
    for shards in (2, 3):
        for core in cores(shards):
            strategy = _strategy_of(core)
            for seq, fill in enumerate(fills, start=1):
                tell(core, seq, fill, EXECUTION)
            held = {s for s in SYMBOLS if strategy.position(s)}
            ours = {s for s in SYMBOLS[:8] if shard_of(s, shards) == _number_of(core)}
            assert held == ours


def _strategy_of(core: Core) -> Strategy:
    return cast("StrategyCore", core)._strategy


def _number_of(core: Core) -> int:
    return int(core.lane.actor.partition("~")[2].partition("of")[0])


def _filled(talk: Talk, signal: Signal) -> Message:
    taken: list[Message] = []
    say = talk.say

    def overhear(
        speaker: str, message: Message, ts_ns: int = 0, id_: str = ""
    ) -> tuple[Message, ...]:
        taken.append(message)
        return say(speaker, message, ts_ns, id_)

    talk.say = overhear  # type: ignore[method-assign]
    talk.fill(signal)
    talk.say = say  # type: ignore[method-assign]
    return replace(taken[0], strategy_id="wide")


class Trimmed(MemoryTape):
    """Its beginning is gone."""

    @override
    async def bounds(self) -> Bounds:
        found = await super().bounds()
        return Bounds(found.first, found.last, trimmed_before=50)


async def born(tape: MemoryTape, *actors: str) -> None:
    for actor in actors:
        state = State(code_digest="", configuration="{}", from_seq=0)
        out = fact(tape.id, lane("strategy", actor), state, ts_ns=0, key=actor)
        await tape.tell(out, once_id=actor)


@pytest.mark.parametrize(
    ("known", "shards", "tape", "is_refused"),
    [
        (("wide",), 4, Trimmed, True),
        (("wide~1of2", "wide~2of2"), 1, Trimmed, True),
        (("wide~1of2", "wide~2of2"), 2, Trimmed, False),
        (("other", "other~1of2"), 2, Trimmed, False),
        (("wide",), 4, MemoryTape, False),
    ],
    ids=["divided", "united", "as before", "new", "whole tape"],
)
def test_another_number_is_refused_where_the_fills_are_gone(
    known: tuple[str, ...], shards: int, tape: type[MemoryTape], *, is_refused: bool
) -> None:
    async def scenario() -> str:
        made = tape("ab" * 8)
        await born(made, *known)
        try:
            await refuse_unlearnable(made, {"wide": shards})
        except ConfigurationError as error:
            return str(error)
        return ""

    said = asyncio.run(scenario())
    assert bool(said) == is_refused
    if said:
        assert said.startswith(f"strategies.wide.shards: {shards} now, but its lanes on the tape")
