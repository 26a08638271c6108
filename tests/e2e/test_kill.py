"""The kill switch with parts of the desk dead, frozen or far behind. The tape is the witness:
no order that was submitted behind a kill ever gets to the broker.
"""

import asyncio
import contextlib
import json
import signal
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from console.embedded.process import free_port
from console.home import Home
from console.running import login_here
from shared.domain.errors import UnavailableError
from shared.messages.base import Message
from shared.messages.broker import Ack, Refused
from shared.messages.control import Kill, Resume
from shared.messages.decisions import Approved, Halted
from shared.messages.orders import Accepted, Submitting
from shared.permissions import CONSOLE
from shared.tape.client import connect
from shared.tape.entry import Entry
from shared.tape.jetstream import JetStreamTape
from tests.e2e.conftest import STRATEGIES
from tests.e2e.desk import Outcome, Workshop, wait_until, write_bars

SERVICES = ("data", "strategy", "risk", "execution", "ledger")
SPEED = "6000x"  # a hundred slices a second
BACKLOG = 3  # approvals that execution has not seen when the kill comes


class PacedDesk:
    """A desk on a paced file, one order after another."""

    def __init__(self, workshop: Workshop, bars: Path) -> None:
        ports = {f"TAPEDECK__HEALTH__{n.upper()}_PORT": str(free_port()) for n in SERVICES}
        self.workshop = workshop
        self.home = Home(workshop.path / ".tapedeck")
        self._read: list[tuple[Entry, Message]] = []
        self.console: subprocess.Popen[str] = workshop.start(
            *("up", "--data", str(bars), "--speed", SPEED, *STRATEGIES, "--json"),
            TAPEDECK__RESTARTS_PER_MINUTE_MAX="1000",
            **ports,
        )
        wait_until(lambda: self.home.record() is not None, 60, "the desk did not get ready")

    def stop(self) -> None:
        self.console.send_signal(signal.SIGINT)
        self.console.communicate(timeout=30)

    def process(self, text: str) -> psutil.Process:
        def newest() -> list[psutil.Process]:
            return self.workshop.processes(text)

        wait_until(newest, 10, f"{text} does not run")
        return newest()[-1]

    def service(self, name: str) -> psutil.Process:
        return self.process(f"services.{name}.main")

    def kill(self) -> Outcome:
        return self.workshop.run("kill", "--reason", "drill", "--json")

    def resume(self) -> None:
        wait_until(lambda: self.workshop.run("resume").code == 0, 15, "it was not resumed")

    def tape(self) -> list[tuple[Entry, Message]]:
        """Return the tape as far as it can be read now."""
        url = json.loads(self.home.config_path.read_text(encoding="utf-8"))["nats"]["url"]

        async def read_on() -> None:
            login = login_here(self.home, CONSOLE)
            client = await connect(url, name=CONSOLE, login=login, timeout_s=1)
            try:
                tape = await JetStreamTape.open(client)
                last = (await tape.bounds()).last
                async with tape.reader([">"], len(self._read) + 1) as reader:
                    while len(self._read) < last and (entry := await reader.next(1)) is not None:
                        self._read.append((entry, entry.open()[1]))
            finally:
                await client.close()

        with contextlib.suppress(UnavailableError):
            asyncio.run(read_on())
        return self._read

    def count(self, kind: type[Message], after: int = 0) -> int:
        return sum(isinstance(m, kind) for e, m in self.tape() if e.seq > after)

    def end(self) -> int:
        return self.tape()[-1][0].seq

    def trades(self) -> None:
        start = self.end()
        wait_until(lambda: self.count(Accepted, start), 20, "nothing was ordered")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacedDesk]:
    workshop = Workshop(tmp_path_factory.mktemp("kill"))
    made = PacedDesk(workshop, write_bars(workshop.path / "bars.csv", 12_000))
    yield made
    made.stop()
    workshop.assert_nothing_is_left()


def assert_nothing_passed_a_kill(tape: Sequence[tuple[Entry, Message]]) -> int:
    """Check every order; return how many were submitted during a kill, and refused for it."""
    is_killed = False
    during: dict[str, int] = {}
    refused: dict[str, str] = {}
    for entry, message in tape:
        match message:
            case Kill():
                is_killed = True
            case Resume():
                is_killed = False
            case Submitting() if is_killed:
                during[message.client_order_id] = entry.seq
            case Refused():
                refused[message.client_order_id] = message.code
            case Ack() | Accepted():
                assert message.client_order_id not in during, entry
            case _:
                pass
    assert {refused.get(identity, "killed") for identity in during} <= {"killed"}
    return len(during)


def test_a_backlog_of_execution_does_not_trade_past_a_kill(desk: PacedDesk) -> None:
    desk.trades()
    execution = desk.service("execution")
    execution.suspend()
    start = desk.end()
    wait_until(lambda: desk.count(Approved, start) >= BACKLOG, 20, "nothing was approved")
    killed = desk.kill()
    assert killed.document["effects"][0]["text"] == "killed: drill"
    assert killed.document["execution"] is False
    assert killed.document["heard"] == []
    assert "execution has not got to it" in killed.document["detail"]
    execution.resume()
    kill_seq = killed.document["seq"]
    wait_until(lambda: desk.count(Refused, kill_seq) >= BACKLOG, 20, "execution did not go on")
    assert assert_nothing_passed_a_kill(desk.tape()) >= BACKLOG
    desk.resume()


def test_a_kill_holds_while_nats_is_dead_and_stands_before_what_follows(desk: PacedDesk) -> None:
    desk.trades()
    server = desk.process("nats-server")
    desk.console.send_signal(signal.SIGSTOP)  # it would start the server again at once
    server.kill()
    killed = desk.kill()
    desk.console.send_signal(signal.SIGCONT)
    assert killed.document["seq"] == 0
    assert killed.document["latched"] == str(desk.home.latch_path)
    assert "is not on the tape" in killed.document["detail"]

    def kills() -> list[str]:
        return [entry.subject for entry, message in desk.tape() if isinstance(message, Kill)]

    wait_until(lambda: kills()[-1:] == ["control.execution.kill"], 20, "it was not recorded")
    desk.resume()
    assert_nothing_passed_a_kill(desk.tape())
    assert not desk.home.latch_path.exists()


def test_a_kill_needs_neither_strategies_nor_risk(desk: PacedDesk) -> None:
    desk.trades()
    for _ in range(2):
        desk.service("strategy").kill()
    risk = desk.service("risk")
    risk.suspend()
    desk.service("strategy").kill()
    killed = desk.kill()
    risk.resume()
    assert killed.document["effects"] == []
    assert killed.document["execution"] is True
    assert killed.document["heard"] == ["execution"]
    assert "risk has not answered" in killed.document["detail"]
    wait_until(lambda: desk.count(Halted, killed.document["seq"]), 20, "risk did not halt")
    assert_nothing_passed_a_kill(desk.tape())
    desk.resume()
