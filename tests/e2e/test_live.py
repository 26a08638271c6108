"""A desk that runs: the operator's commands, an orderly end, a crash, and going on."""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from console.embedded.process import free_port
from console.home import Home
from tests.e2e.desk import Workshop, wait_until

SERVICES = ("data", "strategy", "risk", "execution", "ledger")
READY_S = 60


class LiveDesk:
    """The demo desk at ten times its speed, in the background."""

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.ports = {f"TAPEDECK__HEALTH__{n.upper()}_PORT": str(free_port()) for n in SERVICES}
        self.process: subprocess.Popen[str] | None = None

    def start(self, *options: str) -> None:
        command = ("up", "--speed", "600x", "--json", *options)
        self.process = self.workshop.start(*command, **self.ports)
        wait_until(self._is_ready, READY_S, "the desk did not get ready")

    def stop(self) -> tuple[str, str]:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=30)
        return out, err

    def ask(self, *command: str) -> Any:
        return self.workshop.run(*command, "--json").document

    def wait_for_fills(self) -> None:
        wait_until(lambda: self.ask("orders"), 60, "nothing was ordered")

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.process.communicate()
        record = Home(self.workshop.path / ".tapedeck").record()
        return record is not None and record.pid == self.process.pid


@pytest.fixture
def live(workshop: Workshop) -> Iterator[LiveDesk]:
    desk = LiveDesk(workshop)
    desk.start()
    yield desk
    if desk.process is not None and desk.process.poll() is None:
        desk.stop()


def test_every_command_answers_while_the_desk_runs(live: LiveDesk) -> None:
    live.wait_for_fills()
    status = live.ask("status")
    assert [one["service"] for one in status["services"]] == list(SERVICES)
    assert all(one["ready"] for one in status["services"])
    assert set(status["strategies"].values()) == {"active"}
    assert live.ask("validate")["ok"] is True
    assert "positions" in live.ask("positions")
    lanes = {row["lane"] for row in live.ask("tape", "ls")["lanes"]}
    assert {"data.sim", "data.bars", "risk.main", "execution.main", "ledger.main"} <= lanes
    filled = live.workshop.run("tape", "tail", "execution.main.filled.>", "-n", "1", "--json")
    seq = json.loads(filled.out)["seq"]
    shown = live.ask("tape", "show", str(seq))
    assert shown["caused_by"]["subject"].startswith("broker.main.report.")
    for command in ("status", "positions", "tape tail"):
        outcome = live.workshop.run(*command.split())
        assert outcome.code == 0, outcome.err
        assert outcome.out.strip()
    assert f" {status['services'][0]['port']} " in live.workshop.run("status").out  # no 8,101


def test_kill_stops_trading_over_a_restart_until_resume(live: LiveDesk) -> None:
    killed = live.ask("kill", "--reason", "drill")
    assert killed["effects"][0]["text"] == "killed: drill"
    assert live.ask("status")["halted"] is True
    live.stop()
    live.start()
    assert live.ask("status")["halted"] is True
    assert live.ask("resume")["obeyed"] is True
    assert live.ask("status")["halted"] is False
    refused = live.workshop.run("resume")
    assert refused.error == "the desk is neither killed nor halted: nothing to resume"


def test_a_strategy_is_switched_off_and_on(live: LiveDesk) -> None:
    assert live.ask("deactivate", "crossover")["obeyed"] is True
    assert live.ask("status")["strategies"]["crossover"] == "inactive"
    assert live.ask("activate", "crossover")["obeyed"] is True
    assert live.ask("status")["strategies"]["crossover"] == "active"
    unknown = live.workshop.run("activate", "nope")
    assert unknown.error == "there is no strategy 'nope' here; known are breakout, crossover"


def test_ctrl_c_stops_everything_and_the_next_run_goes_on(live: LiveDesk) -> None:
    live.wait_for_fills()
    before = live.ask("status")["tape"]
    out, err = live.stop()
    assert live.process is not None
    assert live.process.returncode == 0
    assert err.splitlines()[-1] == "stopping"
    assert json.loads(out.splitlines()[-1])["services"] == dict.fromkeys(SERVICES, True)
    assert not live.workshop.processes()
    live.start()
    after = live.ask("status")["tape"]
    assert after["id"] == before["id"]
    assert after["last"] >= before["last"]


def test_kill_9_of_the_desk_leaves_no_orphan_and_loses_nothing(live: LiveDesk) -> None:
    live.wait_for_fills()
    before = live.ask("status")["tape"]["last"]
    assert live.process is not None
    live.process.kill()
    live.process.communicate(timeout=30)
    wait_until(lambda: not live.workshop.processes(), 30, "orphans are left")
    live.start()
    assert live.ask("status")["tape"]["last"] >= before


def test_a_state_folder_has_one_desk(live: LiveDesk) -> None:
    free = {f"TAPEDECK__HEALTH__{name.upper()}_PORT": "0" for name in SERVICES}
    second = live.workshop.run("up", **free)
    assert second.code == 3
    assert "is in use by another desk" in second.error
    assert Path(live.workshop.path / ".tapedeck/run/desk.json").exists()


def test_down_stops_a_desk_in_the_background(live: LiveDesk) -> None:
    assert live.process is not None
    assert live.ask("down") == {"stopped": live.process.pid}
    live.process.communicate(timeout=10)
    assert live.process.returncode == 0


def test_a_service_that_dies_again_and_again_stops_the_desk(live: LiveDesk) -> None:
    assert live.process is not None
    killed: set[int] = set()
    while live.process.poll() is None:
        for process in live.workshop.processes("services.risk.main"):
            if process.pid not in killed and process.create_time():
                killed.add(process.pid)
                process.kill()
        wait_until(
            lambda: (
                live.process is None
                or live.process.poll() is not None
                or any(p.pid not in killed for p in live.workshop.processes("services.risk.main"))
            ),
            30,
            "risk was not started again",
        )
    _, err = live.process.communicate(timeout=30)
    assert live.process.returncode == 1
    assert "error: risk: ended 6 times within a minute: ended by SIGKILL" in err


def test_a_scaled_desk_goes_on_whoever_is_killed(workshop: Workshop) -> None:
    desk = LiveDesk(workshop)
    desk.start("--scale", "strategy=2", "--scale", "risk=2", "--scale", "ledger=2")
    instances = [
        "data",
        "strategy",
        "strategy-2",
        "risk",
        "risk-2",
        "execution",
        "ledger",
        "ledger-2",
    ]
    try:
        desk.wait_for_fills()
        assert [one["service"] for one in desk.ask("status")["services"]] == instances
        for service in ("strategy", "risk", "ledger"):
            workshop.processes(f"services.{service}.main")[0].kill()
        newest = desk.ask("orders")[0]
        wait_until(lambda: desk.ask("orders")[0] != newest, 60, "nothing was ordered any more")
        wait_until(lambda: workshop.run("status").code == 0, 60, "an instance did not come back")
    finally:
        desk.stop()
    assert workshop.run("replay", "--json").document["differences"] == 0


def test_init_makes_the_tape_and_the_tables_and_stops(workshop: Workshop) -> None:
    first = workshop.run("init", "--json").document
    assert first["migrations"] == ["0001"]
    again = workshop.run("init", "--json").document
    assert again == {"tape": first["tape"], "migrations": []}
