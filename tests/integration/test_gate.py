"""The broker gate between a real tape and a broker behind HTTP: whatever dies or lies in
between, the broker has each order once and the tape says what is true.
"""

import asyncio
import multiprocessing
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest

from shared.domain.values import Intent, OrderType, Side, TimeInForce
from shared.messages.base import Message
from shared.messages.broker import Outage, Report
from shared.messages.orders import Submitting
from shared.permissions import ADMIN
from shared.runtime.clock import now_ns
from shared.runtime.gate import BrokerGate
from shared.subjects import lane
from shared.tape.client import connect
from shared.tape.entry import fact
from shared.tape.interface import Tape
from shared.tape.jetstream import JetStreamTape
from shared.tape.verification import TapeCheck
from tests.cable import cable_to
from tests.gates import FAST, POINTS, gate_of, run_to_its_end
from tests.http_broker import PARTS, HttpBroker, HttpVenue, http_broker
from tests.servers import NatsUnderTest
from tests.tapes import fresh_tape, whole

LEADER_S = 20.0
STANDBY = msgspec.structs.replace(FAST, takeover_s=0.9)


def order(book: str, fate: str = "o") -> Submitting:
    return Submitting(
        order_id=f"{fate}-{book}",
        client_order_id=f"{fate}-{book}",
        signal_id=f"s-{book}",
        strategy_id="trend",
        symbol="AAPL",
        side=Side.BUY,
        intent=Intent.OPEN,
        quantity=Decimal(10),
        order_type=OrderType.MARKET,
        limit_price=None,
        time_in_force=TimeInForce.DAY,
        valid_until_ns=now_ns() + 60_000_000_000,
    )


async def _submit(tape: Tape, book: str, message: Message) -> None:
    speaker = lane("execution", book)
    end = await tape.last(speaker.fence)
    out = fact(tape.id, speaker, message, ts_ns=now_ns(), key=f"{book}/{message}")
    await tape.append(out, lane=speaker, fence=end.seq if end is not None else 0)


@asynccontextmanager
async def running(*gates: BrokerGate) -> AsyncIterator[None]:
    """Gates that run until the end of the block."""
    async with asyncio.TaskGroup() as group:
        for gate in gates:
            group.create_task(gate.run())
        yield
        for gate in gates:
            gate.stop()


async def _born(tape: Tape, broker: HttpBroker, books: Iterable[str]) -> None:
    """Have every gate lead for a moment, so that what is submitted next is for it."""
    gates = [gate_of(book, tape, HttpVenue(broker.port, book)) for book in books]
    async with running(*gates):
        await _until(lambda: all(gate.leads for gate in gates))


async def _until(holds: object) -> None:
    async with asyncio.timeout(LEADER_S):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0.02)


async def _facts(tape: Tape) -> dict[str, list[Message]]:
    """What each book's broker lane says of orders."""
    found: dict[str, list[Message]] = {}
    for entry in await whole(tape):
        if entry.lane.service == "broker" and hasattr(message := entry.open()[1], "symbol"):
            found.setdefault(entry.lane.actor, []).append(message)
    return found


async def _until_filled(tape: Tape, books: Iterable[str]) -> dict[str, list[Message]]:
    async with asyncio.timeout(LEADER_S):
        while True:
            facts = await _facts(tape)
            if all(
                sum(isinstance(m, Report) for m in facts.get(book, [])) >= PARTS for book in books
            ):
                return facts
            await asyncio.sleep(0.1)


async def _check(tape: JetStreamTape) -> None:
    check = TapeCheck(tape, await tape.bounds())
    assert [fault async for fault in check.run(lambda _: None)] == []


def _assert_one_order(facts: list[Message], posts: int) -> None:
    kinds = Counter(str(m.__struct_config__.tag) for m in facts)
    fills = [m.execution_id for m in facts if isinstance(m, Report)]
    assert kinds["ack"] <= 1  # a stream that is faster tells fills before the answer comes
    assert len(fills) == len(set(fills)) == PARTS
    assert posts <= kinds["sending"] <= 2
    assert set(kinds) <= {"sending", "ack", "report"}


@pytest.mark.parametrize("has_standby", [False, True])
def test_a_gate_killed_at_any_point_leaves_one_order(
    clean_nats: NatsUnderTest, *, has_standby: bool
) -> None:
    books = {f"b{place}": point for place, point in enumerate(POINTS)}
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.gates"])
    seed = clean_nats.logins[ADMIN].seed or ""

    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (_, tape), http_broker() as broker:
            await _born(tape, broker, books)
            children = [
                context.Process(
                    target=run_to_its_end,
                    args=(clean_nats.url, ADMIN, seed, broker.port, book, point),
                )
                for book, point in books.items()
            ]
            settings = STANDBY if has_standby else FAST
            gates = [gate_of(book, tape, HttpVenue(broker.port, book), settings) for book in books]
            facts: dict[str, list[Message]] = {}
            for child in children:
                child.start()
            for book in books:
                await _submit(tape, book, order(book))
            if has_standby:  # runs beside the leader, and notices its end by itself
                async with running(*gates):
                    facts = await _until_filled(tape, books)
            for child in children:
                await asyncio.to_thread(child.join, LEADER_S)
            assert [child.exitcode for child in children] == [-signal.SIGKILL] * len(POINTS)
            if not has_standby:
                async with running(*gates):
                    facts = await _until_filled(tape, books)
            for book in books:
                _assert_one_order(facts[book], broker.posts[f"o-{book}"])
            await _check(tape)

    asyncio.run(scenario())


def test_whatever_becomes_of_an_answer_the_order_is_there_once(clean_nats: NatsUnderTest) -> None:
    fates = ("lost", "broken", "slow", "down", "fine")

    async def scenario() -> None:
        async with fresh_tape(clean_nats) as (_, tape), http_broker() as broker:
            await _born(tape, broker, fates)
            async with running(
                *(gate_of(fate, tape, HttpVenue(broker.port, fate)) for fate in fates)
            ):
                for fate in fates:
                    await _submit(tape, fate, order(fate, fate))
                facts = await _until_filled(tape, fates)
            posts = {fate: broker.posts[f"{fate}-{fate}"] for fate in fates}
            assert posts == {"lost": 1, "broken": 1, "slow": 1, "down": 2, "fine": 1}
            for fate in fates:
                _assert_one_order(facts[fate], posts[fate])
            await _check(tape)

    asyncio.run(scenario())


def test_what_rests_is_cancelled_when_the_tape_stays_away(clean_nats: NatsUnderTest) -> None:
    async def scenario() -> None:
        async with (
            fresh_tape(clean_nats) as (_, tape),
            http_broker() as broker,
            cable_to(clean_nats.url) as cable,
        ):
            broker.fills = False
            login = clean_nats.logins[ADMIN]
            client = await connect(cable.url, name=ADMIN, login=login, timeout_s=5)
            there = await JetStreamTape.open(client)
            await _born(tape, broker, ["main"])
            async with running(gate_of("main", there, HttpVenue(broker.port, "main"))):
                await _submit(tape, "main", order("main"))
                await _until(lambda: broker.orders)
                cable.cut()
                await _until(lambda: broker.cancels)
                cable.mend()
                async with asyncio.timeout(LEADER_S):
                    while await tape.last("broker.main.outage") is None:
                        await asyncio.sleep(0.05)
            found = [e.open()[1] for e in await whole(tape) if e.subject == "broker.main.outage"]
            assert isinstance(found[0], Outage)
            assert found[0].cancelled == ("o-main",)
            await client.close()
            await _check(tape)

    asyncio.run(scenario())
