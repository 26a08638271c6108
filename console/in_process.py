"""The whole desk in one process, over a tape in memory: the same actors, nothing else.

What a lockstep run through the distributed stack must equal, message for message.
"""

from collections.abc import Iterable

from console.configuration import DeskConfiguration
from services.data.assembly import aggregator_actor
from services.execution.assembly import paper_actors
from services.ledger.assembly import ledger_actor
from services.ledger.core import LedgerCore
from services.risk.assembly import risk_actor
from services.strategy.assembly import strategy_actors
from shared.domain.values import Timeframe
from shared.runtime.actor import Actor
from shared.runtime.drain import Drain
from shared.runtime.source import TimeSlice
from shared.subjects import lane
from shared.tape.memory import MemoryTape


def books_of(desk: DeskConfiguration) -> LedgerCore:
    """Return a ledger's core that keeps no rows: nobody stores them."""
    return LedgerCore(desk.ledger.books, desk.book)


def actors_of(
    desk: DeskConfiguration, tape_id: str, native: Timeframe | None, books: LedgerCore | None = None
) -> list[Actor]:
    """Return every actor that the services of this desk host, with these books if given."""
    books = books or books_of(desk)
    return [
        aggregator_actor(desk.data, native),
        *paper_actors(desk.execution, desk.book, tape_id),
        risk_actor(desk.risk, desk.book),
        *strategy_actors(desk.book, desk.strategies),
        ledger_actor(books, desk.ledger.books),
    ]


def play(
    desk: DeskConfiguration, tape_id: str, native: Timeframe | None, slices: Iterable[TimeSlice]
) -> MemoryTape:
    """Play all slices and return the tape."""
    tape = MemoryTape(tape_id)
    drain = Drain(actors_of(desk, tape_id, native), tape_id, tape)
    drain.be_born()
    feed = lane("data", desk.data.feed)
    for part in slices:
        drain.play(feed, part)
    return tape
