import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.configuration import Sources
from console.plan import (
    StrategyChoice,
    UpOptions,
    choose,
    make_plan,
    parse_scale,
    parse_setting,
    strategy_id,
)
from console.services import SERVICES
from services.strategy.config import StrategySettings
from shared.domain.errors import ConfigurationError, DataError, UnavailableError

HEADER = "symbol,ts,open,high,low,close,volume\n"
ROWS = "A,2025-05-12 13:30:00,1,1,1,1,1\nA,2025-05-12 13:31:00,1,1,1,1,1\n"


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan notes its sources in the environment: put it back."""
    for name in ("TAPEDECK_CONFIG", "TAPEDECK_PROFILE"):
        monkeypatch.setenv(name, "")


@pytest.fixture
def any_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk may be running on this machine, on the default ports."""
    for name in SERVICES:
        monkeypatch.setenv(f"TAPEDECK__HEALTH__{name.upper()}_PORT", "0")


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    path = tmp_path / "bars.csv"
    path.write_text(HEADER + ROWS)
    return path


def test_a_run_over_files_is_in_lockstep_at_full_speed_with_any_free_port(bars: Path) -> None:
    plan = make_plan(UpOptions(data=(bars,), until_done=True))
    assert plan.desk.data.speed == "max"
    assert plan.desk.tape.lockstep
    assert plan.desk.health.risk_port == 0
    assert plan.extent is not None
    assert plan.extent.bars == 2
    assert plan.desk.data.participants == (
        "broker.main", "execution.main", "risk.main", "ledger.main", "strategy.ema_crossover",
    )  # fmt: skip


@pytest.mark.usefixtures("any_ports")
def test_a_file_without_a_strategy_gets_one_and_says_so(bars: Path) -> None:
    plan = make_plan(UpOptions(data=(bars,)))
    assert list(plan.desk.strategies) == ["ema_crossover"]
    assert plan.notes == ("no strategy was named: ema_crossover trades all symbols",)


def test_a_port_that_was_asked_for_is_kept(bars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK__HEALTH__RISK_PORT", "18103")
    plan = make_plan(UpOptions(data=(bars,), until_done=True))
    assert (plan.desk.health.risk_port, plan.desk.health.data_port) == (18103, 0)


@pytest.mark.usefixtures("any_ports")
def test_a_port_that_is_taken_is_refused_with_the_setting_that_moves_it(
    bars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("TAPEDECK__HEALTH__RISK_PORT", str(port))
        sentence = f"risk's health cannot listen on port {port}.*TAPEDECK__HEALTH__RISK_PORT"
        with pytest.raises(UnavailableError, match=sentence):
            make_plan(UpOptions(data=(bars,)))


def test_a_paced_run_is_not_in_lockstep(bars: Path) -> None:
    plan = make_plan(UpOptions(data=(bars,), until_done=True, speed="60x"))
    assert not plan.desk.tape.lockstep


@pytest.mark.usefixtures("any_ports")
def test_the_options_go_before_the_environment(bars: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEDECK__EXECUTION__PAPER__STARTING_CASH", "5")
    plan = make_plan(UpOptions(data=(bars,), cash="7000"))
    assert plan.desk.execution.paper.starting_cash == 7000


@pytest.mark.usefixtures("any_ports")
def test_strategies_of_the_command_line_replace_the_configured_ones() -> None:
    options = UpOptions(strategies=(StrategyChoice("sma_crossover", {"fast": "3"}),))
    plan = make_plan(options)
    chosen = StrategySettings(use="sma_crossover", active=True, params={"fast": "3"})
    assert plan.desk.strategies == {"sma_crossover": chosen}


@pytest.mark.usefixtures("any_ports")
def test_the_demo_is_what_runs_without_options() -> None:
    plan = make_plan(UpOptions())
    assert plan.desk.data.feed == "sim"
    assert sorted(plan.desk.strategies) == ["breakout", "crossover"]
    assert plan.extent is None


def test_the_tape_id_is_of_the_bars_and_the_configuration_not_of_names(bars: Path) -> None:
    first = make_plan(UpOptions(data=(bars,), until_done=True)).tape_id
    moved = bars.rename(bars.with_name("other.csv"))
    assert make_plan(UpOptions(data=(moved,), until_done=True)).tape_id == first
    other_cash = UpOptions(data=(moved,), until_done=True, cash="5000")
    assert make_plan(other_cash).tape_id != first
    moved.write_text(HEADER + ROWS.replace(",1\n", ",2\n"))
    assert make_plan(UpOptions(data=(moved,), until_done=True)).tape_id != first


def test_how_a_desk_is_kept_running_does_not_enter_the_tape_id(
    bars: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = make_plan(UpOptions(data=(bars,), until_done=True)).tape_id
    monkeypatch.setenv("TAPEDECK__RESTARTS_PER_MINUTE_MAX", "7")
    patient = make_plan(UpOptions(data=(bars,), until_done=True))
    assert patient.desk.restarts_per_minute_max == 7
    assert patient.tape_id == first


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (UpOptions(until_done=True), "--until-done needs a feed that ends"),
        (UpOptions(feed="sim", data=(Path("x.csv"),)), "--data names files"),
        (UpOptions(feed="carrier-pigeon"), "data.feed: "),
        (UpOptions(speed="fast"), "speed 'fast'"),
        (UpOptions(cash="x"), "--cash 'x'"),
        (UpOptions(strategies=(StrategyChoice(" ", {}),)), "--strategy needs a name"),
        (UpOptions(settings_for_all={"fast": "1"}), "--set has no strategy"),
        (UpOptions(sources=Sources(profile="nope")), "unknown profile 'nope'"),
    ],
)
def test_what_cannot_be_planned_is_refused(options: UpOptions, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{sentence}"):
        make_plan(options)


@pytest.mark.usefixtures("any_ports")
def test_bad_files_are_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        make_plan(UpOptions(data=(tmp_path / "nowhere.csv",)))


def test_a_setting_belongs_to_the_strategy_before_it() -> None:
    given_ = [
        ("setting", "ttl=9"), ("strategy", "one"), ("setting", "fast=1"), ("strategy", "two"),
        ("setting", "fast=2"),
    ]  # fmt: skip
    chosen, for_all = choose(given_)
    assert chosen == (StrategyChoice("one", {"fast": "1"}), StrategyChoice("two", {"fast": "2"}))
    assert for_all == {"ttl": "9"}


@pytest.mark.parametrize("text", ["fast", "=3", " =3", ""])
def test_a_setting_needs_a_key_and_a_value(text: str) -> None:
    with pytest.raises(ConfigurationError, match="key=value is expected"):
        parse_setting(text)


def test_a_value_may_hold_an_equals_sign() -> None:
    assert parse_setting("rule = a=b") == ("rule", "a=b")


@given(st.text(min_size=1), st.lists(st.text(alphabet="ab-2", max_size=4)))
def test_an_id_is_valid_and_new_whatever_the_name(use: str, taken: list[str]) -> None:
    made = strategy_id(use, taken)
    assert made not in taken
    assert 0 < len(made) <= 64
    assert all(c.isascii() and (c.isalnum() or c in "_-") for c in made)


@pytest.mark.parametrize(
    ("use", "made"),
    [
        ("ema_crossover", "ema_crossover"),
        ("my_pkg.my_module:MyStrategy", "MyStrategy"),
        ("folder/mine.py", "mine"),
        ("folder/mine.py:Mine", "Mine"),
        ("my.module", "my-module"),
    ],
)
def test_an_id_is_what_a_person_would_call_it(use: str, made: str) -> None:
    assert strategy_id(use, ()) == made


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gateway=2", "--scale gateway=2: one of data, strategy, risk, execution, ledger"),
        ("risk", "--scale risk: from 1 to 16 of a service"),
        ("risk=0", "--scale risk=0: from 1 to 16 of a service"),
        ("risk=99", "--scale risk=99: from 1 to 16 of a service"),
    ],
)
def test_a_scale_that_cannot_be_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_scale([text])
    assert str(caught.value).startswith(sentence)


def test_several_instances_need_a_paced_feed(bars: Path) -> None:
    with pytest.raises(ConfigurationError, match="--scale needs a paced feed"):
        make_plan(UpOptions(data=(bars,), until_done=True, scale={"risk": 2}))


@pytest.mark.usefixtures("any_ports")
def test_who_is_not_alone_waits_for_the_leader(bars: Path) -> None:
    paced = UpOptions(data=(bars,), speed="60x")
    assert make_plan(paced).desk.tape.standby_after_ms == 0
    plan = make_plan(paced._replace(scale={"risk": 2}))
    assert plan.desk.tape.standby_after_ms > 0
    assert plan.scale == {"risk": 2}
