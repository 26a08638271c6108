"""Several strategy services on one tape: who hosts what, and what becomes of it."""

import asyncio
import signal
from pathlib import Path

from services.strategy.config import StrategySettings
from shared.messages.control import Quarantine
from shared.permissions import MEMBERS_STREAM
from shared.runtime.exits import Exit
from tests.servers import NatsUnderTest
from tests.strategy_processes import Floor, floor

EAGER = '''
import time
from services.strategy import Strategy

class Eager(Strategy):
    """Wants something on every bar; does something foolish in the minute it is told to."""

    folly: str = ""
    minute: int = 0

    def on_start(self):
        self.bars = 0

    def on_bar(self, bar):
        self.bars += 1
        if self.minute and bar.start_ns >= self.minute * 60 * 10**9:
            self.commit()
        self.buy(bar.symbol, 1, values={"bars": self.bars})

    def commit(self):
        if self.folly == "hang":
            while True:
                self.bars += 1
        elif self.folly == "deep":
            10 ** 10 ** 10  # keeps the interpreter for itself
        elif self.folly == "slow":
            time.sleep(0.15)
'''


def eager(folder: Path, folly: str = "", minute: int = 0) -> StrategySettings:
    path = folder / "eager.py"
    path.write_text(EAGER, encoding="utf-8")
    params: dict[str, object] = {"folly": folly, "minute": minute}
    return StrategySettings(use=f"{path}:Eager", active=True, signal_ttl_s=1, params=params)


def many(folder: Path, count: int = 9) -> dict[str, StrategySettings]:
    return {f"s{i}": eager(folder) for i in range(count)}


async def nothing_was_lost(stage: Floor, least: int) -> None:
    """Every lane holds what its strategy says about every bar, once."""
    async with asyncio.timeout(10):
        while True:
            verdict = await stage.verdict()
            assert verdict.differences == []
            if not verdict.unanswered:  # who has just taken over leaves the word for a moment
                break
    assert verdict.compared >= least


def test_killing_a_member_moves_only_its_actors_and_loses_nothing(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with floor(nats_server, tmp_path, many(tmp_path)) as stage:
            one, two, three = (stage.start(name) for name in ("one", "two", "three"))
            await stage.shared_out()
            await stage.handled(await stage.play(10))
            before = [await x.actors() for x in (one, two, three)]
            assert all(before)
            two.process.kill()
            end = await stage.play(10)
            moved_s = await stage.shared_out()
            print(f"after SIGKILL everything was hosted again in {moved_s:.2f} s")  # noqa: T201
            after = [await one.actors(), await three.actors()]
            assert before[0] < after[0] or before[2] < after[1]
            assert before[0] <= after[0]
            assert before[2] <= after[1]
            await stage.handled(end)
            await nothing_was_lost(stage, 9 * 3 * 20)

    asyncio.run(scenario())


def test_who_is_told_to_stop_hands_over_at_once_and_who_joins_takes_its_part(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with floor(nats_server, tmp_path, many(tmp_path)) as stage:
            one = stage.start("one")
            await stage.shared_out()
            assert await one.actors() == stage.lanes
            await stage.handled(await stage.play(5))
            two = stage.start("two")
            await stage.hosts_are(lambda hosts: bool(hosts[1]))
            await stage.shared_out()
            end = await stage.play(5)
            one.process.send_signal(signal.SIGTERM)
            moved_s = await stage.hosts_are(lambda hosts: hosts[1] == stage.lanes)
            print(f"after SIGTERM everything was hosted again in {moved_s:.2f} s")  # noqa: T201
            assert await one.ended() == Exit.OK
            assert await two.actors() == stage.lanes
            await stage.handled(end)
            await nothing_was_lost(stage, 9 * 3 * 10)

    asyncio.run(scenario())


def test_members_keep_what_they_host_while_the_bucket_is_out_of_reach(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with floor(nats_server, tmp_path, many(tmp_path, 4)) as stage:
            one, two = stage.start("one"), stage.start("two")
            await stage.shared_out()
            before = [await one.actors(), await two.actors()]
            await stage.client.request(f"$JS.API.STREAM.DELETE.{MEMBERS_STREAM}", b"")
            async with asyncio.timeout(10):
                while not any("members cannot be reached" in str(x) for x in one.lines):
                    await asyncio.sleep(0.05)
            await stage.handled(await stage.play(3))
            assert [await one.actors(), await two.actors()] == before

    asyncio.run(scenario())


def test_in_lockstep_a_second_instance_waits_and_says_so(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with floor(nats_server, tmp_path, {}) as stage:
            one = stage.start("one", lockstep=True)
            async with asyncio.timeout(10):
                while not (report := await one.health()) or "lockstep" not in report.checks:
                    await asyncio.sleep(0.05)
            assert report.checks["lockstep"].ok
            two = stage.start("two", lockstep=True)
            async with asyncio.timeout(10):
                while not (told := [x for x in two.lines if x["event"] == "waits"]):
                    await asyncio.sleep(0.05)
            assert str(told[0]["why"]).startswith("lockstep has one instance of each service")
            one.process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(10):
                while not ((second := await two.health()) and second.checks["lockstep"].ok):
                    await asyncio.sleep(0.05)

    asyncio.run(scenario())


def test_a_hang_is_ended_quarantined_and_the_others_trade_on(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        strategies = {**many(tmp_path, 3), "stuck": eager(tmp_path, "hang", minute=5)}
        async with floor(nats_server, tmp_path, strategies) as stage:
            one = stage.start("one", watchdog_s=1)
            await stage.shared_out()
            end = await stage.play(10)
            assert await one.ended() == Exit.STOPPED_SAFE
            said = str(one.lines[-1]["error"])
            assert said.startswith("strategy.stuck hung for 1 s on message ")
            assert said.endswith(": quarantined from there on")
            assert ", at eager.py:" in said
            again = stage.start("one", watchdog_s=1)
            await stage.handled(max(end, await stage.play(5)))
            assert again.process.poll() is None
            command = await stage.tape.last("control.strategy.quarantine.stuck")
            assert command is not None
            message = command.open()[1]
            assert isinstance(message, Quarantine)
            assert 0 < message.from_seq < command.seq
            await nothing_was_lost(stage, 3 * 3 * 15)

    asyncio.run(scenario())


def test_a_hang_that_keeps_the_interpreter_is_ended_and_named_at_the_next_start(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        strategies = {"fine": eager(tmp_path), "stuck": eager(tmp_path, "deep", minute=5)}
        async with floor(nats_server, tmp_path, strategies) as stage:
            mark = str(tmp_path / "mark")
            one = stage.start("one", watchdog_s=0.5, mark_file=mark)
            await stage.shared_out()
            end = await stage.play(10)
            assert await one.ended() == 1
            again = stage.start("one", watchdog_s=0.5, mark_file=mark)
            await stage.handled(end)
            told = next(x for x in again.lines if x["event"] == "quarantined")
            assert str(told["hung"]).startswith("strategy.stuck hung for 0.5 s on message ")
            assert "eager.py:" in str(told["hung"])
            await nothing_was_lost(stage, 3 * 10)
            again.process.send_signal(signal.SIGTERM)
            assert await again.ended() == Exit.OK
            assert "mark" not in [path.name for path in tmp_path.iterdir()]  # noqa: ASYNC240

    asyncio.run(scenario())


def test_a_stopped_process_is_not_taken_for_a_hung_one(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with floor(nats_server, tmp_path, many(tmp_path, 2)) as stage:
            one = stage.start("one", watchdog_s=1)
            await stage.shared_out()
            one.process.send_signal(signal.SIGSTOP)
            end = await stage.play(50)
            await asyncio.sleep(1.5)  # longer than the watchdog's patience
            one.process.send_signal(signal.SIGCONT)
            await stage.handled(end)
            assert one.process.poll() is None

    asyncio.run(scenario())


def test_a_strategy_that_is_too_slow_too_often_is_taken_out_of_service(
    nats_server: NatsUnderTest, tmp_path: Path
) -> None:
    async def scenario() -> None:
        strategies = {"fine": eager(tmp_path), "slow": eager(tmp_path, "slow", minute=3)}
        async with floor(nats_server, tmp_path, strategies) as stage:
            stage.start("one", budget_s=0.1)
            await stage.shared_out()
            await stage.handled(await stage.play(6))
            command = await stage.tape.last("control.strategy.quarantine.slow")
            assert command is not None
            assert "more than 0.1 s too often" in command.payload.decode()
            await stage.handled(await stage.play(5))
            await nothing_was_lost(stage, 3 * 11)

    asyncio.run(scenario())
