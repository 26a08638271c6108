"""`restore(snapshot) + tail == full replay`, for every core of a desk and every built-in strategy.

The messages are those of whole desks in one process (market with gaps, halts, splits and
dividends; orders, denials, fills), with commands thrown in anywhere. A core that is written down
and taken up again at any places, by a core that had seen something else before, says and knows
what one says and knows that was never stopped.
"""

from collections.abc import Callable, Sequence
from functools import cache
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from console.configuration import DeskConfiguration
from console.in_process import actors_of, play
from services.ledger.core import LedgerCore
from services.strategy.catalogue import BUILT_IN
from services.strategy.config import StrategySettings
from services.strategy.core import StrategyCore
from shared.core import Core, Stamp
from shared.domain.values import Timeframe
from shared.messages.base import Message
from shared.messages.control import Activate, Cancel, Deactivate, Flatten, Kill, Resume, SetLimit
from shared.runtime.sieve import MarketSieve
from shared.subjects import lane, matches, subject_of
from shared.tape.entry import Entry
from tests.simulation.market import market

TAPE_ID = "00112233445566ff"
SEEDS = 6
QUICK: dict[str, object] = {"fast": 2, "slow": 5}
PARAMETERS: dict[str, dict[str, object]] = {"ema_crossover": QUICK, "sma_crossover": QUICK}
CONSOLE = lane("control", "console")
OWN = {
    "fidget": "tests.simulation.strategies:Fidget",
    "trips": "tests.simulation.strategies:Tripping",
}

type Said = tuple[str, Stamp, Message]  # subject first


def desk() -> DeskConfiguration:
    """All built-in strategies and two that talk a lot, on one account."""
    uses = {name: name for name in BUILT_IN} | OWN
    strategies = {
        name: StrategySettings(use=use, active=True, params=PARAMETERS.get(name, {}))
        for name, use in uses.items()
    }
    return DeskConfiguration.model_validate(
        {"data": {"feed": "file", "timeframes": ["5m", "15m"]}, "strategies": strategies}
    )


DESK = desk()
LANES = tuple(str(actor.core.lane) for actor in actors_of(DESK, TAPE_ID, Timeframe.M1))


@cache
def history(seed: int) -> tuple[Said, ...]:
    """What such a desk puts on the tape in a day of one seed."""
    tape = play(DESK, TAPE_ID, Timeframe.M1, market(Random(seed), 45))
    entries = (tape.entry(seq) for seq in range(1, tape.last_seq + 1))
    return tuple((entry.subject, *entry.open()) for entry in entries)


def fresh(name: str) -> Core:
    """A core that knows nothing; the ledger's keeps rows, as in the service."""
    if name.startswith("ledger."):
        return LedgerCore(DESK.ledger.books, DESK.book, keeps_rows=True)
    actors = actors_of(DESK, TAPE_ID, Timeframe.M1)
    return next(actor.core for actor in actors if str(actor.core.lane) == name)


COMMANDS: list[Callable[[int], Message]] = [
    lambda _: Kill(),
    lambda seq: Resume(expected_seq=seq),
    lambda seq: Flatten(reason=str(seq)),
    lambda seq: Cancel(order_id=str(seq)),
    lambda seq: SetLimit(key="max_open_positions", value="1", expected_seq=seq),
    lambda _: Deactivate(strategy_id="fidget"),
    lambda seq: Activate(strategy_id="fidget", expected_seq=seq),
]
places = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=4)
thrown_in = st.lists(
    st.tuples(st.floats(0.0, 1.0), st.integers(0, len(COMMANDS) - 1), st.booleans()), max_size=5
)


def with_commands(said: Sequence[Said], commands: Sequence[tuple[float, int, bool]]) -> list[Said]:
    """Put commands between the messages, some of them twice; sequences are counted anew."""
    mixed = list(said)
    for share, number, is_repeated in sorted(commands):
        at = int(share * len(mixed))
        command = COMMANDS[number](at)
        subject, before = subject_of(CONSOLE, command), mixed[max(at - 1, 0)][1]
        identity = f"command {number} {share}"
        stamp = Stamp(0, before.ts_ns, CONSOLE, identity, identity, before.recorded_ns)
        for place in (at, at + 3)[: 1 + is_repeated]:
            mixed.insert(place, (subject, stamp, command))
    return [
        (subject, Stamp(seq, s.ts_ns, s.lane, s.id, s.correlation_id, s.recorded_ns), message)
        for seq, (subject, s, message) in enumerate(mixed, start=1)
    ]


def inputs_of(core: Core, said: Sequence[Said]) -> list[tuple[Stamp, Message]]:
    """Return what the core reads of it."""
    wanted: dict[str, bool] = {}
    for subject, *_ in said:
        if subject not in wanted:
            wanted[subject] = any(matches(pattern, subject) for pattern in core.reads)
    return [(stamp, message) for subject, stamp, message in said if wanted[subject]]


@settings(max_examples=250, deadline=None)
@given(
    name=st.sampled_from(LANES),
    seed=st.integers(0, SEEDS - 1),
    cuts=places,
    commands=thrown_in,
    other=st.integers(0, SEEDS - 1),
)
def test_restored_anywhere_a_core_goes_on_as_if_never_stopped(
    name: str, seed: int, cuts: list[float], commands: list[tuple[float, int, bool]], other: int
) -> None:
    whole, stopped = fresh(name), fresh(name)
    inputs = inputs_of(whole, with_commands(history(seed), commands))
    stops = {int(share * len(inputs)) for share in cuts}
    for place, (stamp, message) in enumerate(inputs):
        if place in stops:
            stopped = taken_up(name, stopped, other)
        assert whole.handle(stamp, message) == stopped.handle(stamp, message)
        if isinstance(whole, LedgerCore) and isinstance(stopped, LedgerCore):
            assert whole.take_rows(stamp.seq) == stopped.take_rows(stamp.seq)
    assert known(whole) == known(stopped)


def known(core: Core) -> bytes:
    """Return what a core knows. A strategy in quarantine is due no checkpoint: when the next one
    would be says nothing until it is activated, and that sets one.
    """
    written = core.snapshot()
    if not isinstance(core, StrategyCore):
        return written
    state = msgspec.json.decode(written)
    if state["state"]["is_quarantined"]:
        del state["place"]["left"]
    return msgspec.json.encode(state)


def taken_up(name: str, core: Core, other: int) -> Core:
    """Write a core down and take it up in one that has lived another life before."""
    state = core.snapshot()
    successor = fresh(name)
    for stamp, message in inputs_of(successor, history(other))[:40]:
        successor.handle(stamp, message)
    if isinstance(successor, LedgerCore):
        successor.take_rows(2**62)
    successor.restore(state)
    assert successor.snapshot() == state
    return successor


def test_the_desks_say_enough_to_be_worth_restoring() -> None:
    kinds: dict[str, int] = {}
    for seed in range(SEEDS):
        for subject, *_ in history(seed):
            service, _, event = subject.split(".")[:3]
            kinds[f"{service}.{event}"] = kinds.get(f"{service}.{event}", 0) + 1
    for kind in ("execution.filled", "risk.denied", "strategy.suppressed", "data.action"):
        assert kinds.get(kind, 0) > 5, kinds
    speakers = {subject.split(".signal.")[0] for s in range(SEEDS) for subject, *_ in history(s)}
    assert {f"strategy.{name}" for name in ("ema_crossover", "sma_crossover")} <= speakers


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 6)), max_size=40),
    st.integers(0, 40),
)
def test_a_restored_sieve_lets_through_what_it_would_have(
    stream: list[tuple[str, int]], cut: int
) -> None:
    whole, sieve = MarketSieve(), MarketSieve()
    for place, (symbol, ts_ns) in enumerate(stream):
        if place == cut:
            sieve = MarketSieve(dict(sieve.newest_ns))
        entry = Entry(place + 1, f"data.live.bar.1m.{symbol}", b"", 0)
        assert whole.lets_through(entry, ts_ns) == sieve.lets_through(entry, ts_ns)
