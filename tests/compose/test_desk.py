"""`docker compose up`: what runs, what it may do, and that nothing is lost whatever ends.

Slow for tests (two minutes together), so they share one stack; each leaves it trading.
"""

import json
import os
import re
from functools import partial
from pathlib import Path

import pytest

from tests.compose.stack import ALL, SERVERS, SERVICES, EngineError, Stack, run, wait_for

pytestmark = [pytest.mark.compose, pytest.mark.timeout(240)]
MEMORY_BYTES_MAX = 1_500_000_000


def test_a_desk_that_nobody_configured_trades_on_paper(desk: Stack) -> None:
    desk.wait_healthy(*SERVERS, *SERVICES)
    desk.wait_for_trading(2)
    positions = json.loads(desk.console("positions", "--json"))

    assert positions
    desk.check_books()


def test_a_container_has_nothing_to_write_on_and_no_right_to_spare(desk: Stack) -> None:
    for service in SERVICES:
        container = desk.containers(service)[0]
        host = desk.inspect(container)["HostConfig"]
        assert isinstance(host, dict)
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert host["Memory"] > 0
        assert host["NanoCpus"] > 0
        said = run(
            *("docker", "exec", container, "/bin/sh", "-c"),
            "id -u; touch /x /opt/tapedeck/x /secrets/x 2>&1; command -v gcc cc make; "
            "python -m pip --version 2>&1",
            ok=(0, 1, 127),
        ).stdout
        assert said.startswith("10001\n")
        assert said.count("Read-only file system") == 3
        assert "No module named pip" in said
        assert not re.search(r"/(gcc|cc|make)$", said, re.MULTILINE)


def test_a_service_holds_its_own_secret_and_no_other(desk: Stack) -> None:
    for service in SERVICES:
        found = run(
            *("docker", "exec", desk.containers(service)[0]),
            *("find", "/secrets", "-type", "f"),
        ).stdout.split()
        own = {f"/secrets/{service}/{service}.nk"}
        assert set(found) == own | ({"/secrets/ledger/pgpass"} if service == "ledger" else set())


def test_no_secret_is_told_to_anybody(desk: Stack) -> None:
    """Neither in a log, nor in what the engine knows of a container."""
    secrets = desk.compose(
        *("run", "--rm", "-T", "--no-deps", "--entrypoint", "/bin/sh", "keys", "-c"),
        "cat /secrets/*/*.nk /secrets/postgres/password;"
        "cut -d: -f5 /secrets/ledger/pgpass /secrets/console/pgpass",
    ).split()
    told = desk.compose("logs", "--no-color")
    for service in (*SERVERS, *SERVICES, "init", "keys"):
        for container in desk.compose("ps", "--all", "--quiet", service).split():
            told += json.dumps(desk.inspect(container))

    assert len(secrets) >= 8
    for secret in secrets:
        assert secret not in told


def test_ports_are_published_on_loopback_only(desk: Stack) -> None:
    published = []
    for service in (*SERVERS, *SERVICES):
        settings = desk.inspect(desk.containers(service)[0])["NetworkSettings"]
        assert isinstance(settings, dict)
        published += [one for binding in settings["Ports"].values() for one in binding or ()]

    assert len(published) >= len(SERVICES)
    assert {one["HostIp"] for one in published} == {"127.0.0.1"}


def test_the_whole_stack_is_small(desk: Stack) -> None:
    form = "{{.Name}} {{.MemUsage}}"
    lines = run("docker", "stats", "--no-stream", "--format", form).stdout.splitlines()
    used = [_bytes(line.split()[1]) for line in lines if line.startswith(desk.project)]

    assert len(used) == len(SERVERS) + len(SERVICES)
    assert sum(used) < MEMORY_BYTES_MAX


def _bytes(text: str) -> float:
    number, unit = re.fullmatch(r"([0-9.]+)([A-Za-z]+)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[unit]


def test_a_killed_container_costs_nothing_but_a_moment(desk: Stack) -> None:
    for victim in (*SERVICES, *SERVERS):
        before = desk.stored()
        desk.kill(desk.containers(victim)[0])
        wait_for(partial(_is_past, desk, before + 40), f"the desk goes on without {victim}", 60.0)
    desk.wait_healthy(*SERVERS, *SERVICES)
    desk.check_books()


def _is_past(desk: Stack, seq: int) -> bool:
    try:
        return desk.stored() > seq
    except EngineError:  # PostgreSQL itself was killed
        return False


@pytest.mark.skipif(ALL not in os.environ, reason="a minute: `make compose-test` runs it")
def test_a_day_is_closed_and_balanced(desk: Stack) -> None:
    wait_for(lambda: desk.number("SELECT count(*) FROM closed_days"), "a closed day", 120.0)
    assert desk.sql("SELECT DISTINCT is_balanced FROM closed_days") == [["t"]]


def test_instances_come_share_the_work_die_and_go(desk: Stack) -> None:
    desk.scale(strategy=3, risk=2, execution=2)
    assert [len(desk.containers(name)) for name in ("strategy", "risk", "execution")] == [3, 2, 2]
    desk.wait_for_trading()

    for service in ("risk", "execution", "strategy"):
        run("docker", "kill", desk.containers(service)[0])  # and stays dead: another one has it
    desk.wait_for_trading()
    assert [len(desk.containers(name)) for name in ("strategy", "risk", "execution")] == [2, 1, 1]

    desk.scale(strategy=1, risk=1, execution=1)
    assert [len(desk.containers(name)) for name in ("strategy", "risk", "execution")] == [1, 1, 1]
    desk.wait_for_trading()
    desk.check_books()


def test_a_rolling_restart_replaces_every_service_while_the_market_runs(desk: Stack) -> None:
    old = {name: desk.containers(name) for name in SERVICES}
    before = desk.stored()
    desk.env["CAUGHT_UP_S"] = "0.5"
    told = desk.script("rolling-restart")

    for name in SERVICES:
        assert f"{name}: {old[name][0][:12]} was replaced by " in told
        assert len(desk.containers(name)) == 1
        assert not set(desk.containers(name)) & set(old[name])
    assert desk.stored() > before
    desk.wait_for_trading()
    desk.check_books()


def test_a_restart_of_what_does_not_exist_is_refused(desk: Stack) -> None:
    assert "usage: " in desk.script("rolling-restart", "broker", ok=(2,))


def test_a_backup_comes_back_in_an_empty_stack(desk: Stack, tmp_path: Path) -> None:
    other = Stack(
        f"{desk.project}-restored", desk.env | {"COMPOSE_PROJECT_NAME": f"{desk.project}-restored"}
    )
    desk.wait_for_trading()
    desk.compose("stop", "data")  # so that both can be compared: the market stands still
    wait_for(lambda: _rests(desk), "everything is booked", 30.0)
    folder = tmp_path / "backup"
    desk.script("backup", folder)
    try:
        assert "damaged" in _restore_damaged(other, folder)
        other.script("restore", folder, "strategy", "risk", "execution", "ledger")
        for query in (
            "SELECT * FROM positions ORDER BY book, strategy_id, symbol",
            "SELECT book, minute_ns, equity, cash FROM equity ORDER BY 1, 2",
            "SELECT * FROM fills ORDER BY book, execution_id",
            "SELECT seq, encode(hash, 'hex') FROM tape_events WHERE event <> 'state' ORDER BY seq",
        ):
            assert other.sql(query) == desk.sql(query), query
        other.check_books()
        assert "services are running" in other.script("restore", folder, ok=(2,))
        desk.up("data")
        desk.wait_for_trading()
        desk.check_books()
    finally:
        other.down()


def _rests(stack: Stack) -> bool:
    info = json.loads(stack.console("tape", "info", "--json"))
    return int(info["last"]) == stack.stored()


def _restore_damaged(stack: Stack, folder: Path) -> str:
    dump = folder / "desk.dump"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    try:
        return stack.script("restore", folder, ok=(2,))
    finally:
        dump.write_bytes(whole)


@pytest.mark.skipif(ALL not in os.environ, reason="`make compose-test` runs it")
def test_a_second_tape_holds_what_was_recorded(desk: Stack) -> None:
    copy = "nats://nats-replay:4222"
    desk.wait_for_trading()
    desk.compose("--profile", "replay", "run", "--rm", "-T", "replay")
    live = json.loads(desk.console("tape", "info", "--json"))
    copied = json.loads(desk.console("tape", "info", "--json", url=copy))
    verdict = json.loads(desk.console("replay", "--json", url=copy))
    desk.compose("--profile", "replay", "rm", "--stop", "--force", "nats-replay")

    assert copied["id"] == live["id"]
    assert 0 < copied["last"] <= live["last"]
    assert verdict["differences"] == 0
