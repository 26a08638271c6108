"""The desk of a round: which actors, under which settings, made anew for each life."""

from collections.abc import Callable
from random import Random

from console.configuration import DeskConfiguration
from services.data.assembly import aggregator_actor
from services.execution.assembly import paper_actors
from services.ledger.assembly import ledger_actor
from services.ledger.core import LedgerCore
from services.risk.assembly import risk_actor
from services.strategy.assembly import strategy_actors
from services.strategy.config import StrategySettings
from shared.domain.values import Timeframe
from shared.runtime.actor import Actor

TAPE_ID = "51a0000000000001"
_FIDGET = "tests.simulation.strategies:Fidget"
_TRIPPING = "tests.simulation.strategies:Tripping"

type Maker = Callable[[], Actor]


def desk_of(draw: Random) -> DeskConfiguration:
    """Draw a desk: two to four strategies, a paper account, limits that bite now and then."""
    ema = StrategySettings(use="ema_crossover", active=True, params={"fast": 2, "slow": 4})
    all_of_them = {
        "ema": ema,
        "fidget": StrategySettings(use=_FIDGET, active=True),
        "slow": StrategySettings(use=_FIDGET, active=True, params={"patience": 3}),
        "sma": StrategySettings(
            use="sma_crossover", active=True, params={"fast": 2, "slow": 3}, timeframe=Timeframe.M5
        ),
        "orb": StrategySettings(use="orb", active=True),
        "trips": StrategySettings(use=_TRIPPING, active=draw.random() < 0.8),
    }
    names = ["fidget", *draw.sample(sorted(set(all_of_them) - {"fidget"}), draw.randint(1, 2))]
    ttl_s = draw.choice((60.0, 300.0))
    return DeskConfiguration.model_validate(
        {
            "data": {"feed": "file", "timeframes": ["5m", "15m"]},
            "strategies": {
                name: all_of_them[name].model_copy(update={"signal_ttl_s": ttl_s})
                for name in sorted(names)
            },
            "risk": {
                "max_open_positions": draw.choice((2, 20)),
                "max_daily_loss_fraction": draw.choice(("0.001", "0.02")),
            },
            "execution": {"paper": {"starting_cash": draw.choice((5_000, 100_000))}},
        }
    )


def makers_of(desk: DeskConfiguration) -> dict[str, Maker]:
    """Return how to make each actor but the ledger, by lane."""

    def of_execution(place: int) -> Maker:
        return lambda: paper_actors(desk.execution, desk.book, TAPE_ID)[place]

    def of_strategy(name: str) -> Maker:
        return lambda: strategy_actors(desk.book, {name: desk.strategies[name]})[0]

    return {
        "data.bars": lambda: aggregator_actor(desk.data, Timeframe.M1),
        "broker.main": of_execution(1),
        "execution.main": of_execution(0),
        "risk.main": lambda: risk_actor(desk.risk, desk.book),
        **{f"strategy.{name}": of_strategy(name) for name in desk.strategies},
    }


def a_ledger(desk: DeskConfiguration) -> tuple[LedgerCore, Actor]:
    """Return a ledger that keeps rows, for who stores them or compares with them."""
    core = LedgerCore(desk.ledger.books, desk.book, keeps_rows=True)
    return core, ledger_actor(core, desk.ledger.books)
