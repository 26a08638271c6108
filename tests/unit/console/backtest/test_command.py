"""The backtest command, from its options to what it prints."""

import json
import os
import signal
from pathlib import Path

import pytest

from console.backtest import command, engine
from console.backtest.command import Wanted, backtest
from console.failure import INTERRUPTED
from console.plan import StrategyChoice, UpOptions
from shared.domain.errors import ConfigurationError, DataError

CROSSOVER = StrategyChoice("ema_crossover", {"fast": "2", "slow": "4"})


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """Two mornings of one symbol, as a file."""
    lines = ["symbol,ts,open,high,low,close,volume"]
    for day in (12, 13):
        for minute in range(30, 60):
            price = 100 + (minute * 7) % 5
            lines.append(f"AAA,2025-05-{day}T13:{minute}:00Z,{price},{price + 1},99,{price},90000")
    path = tmp_path / "bars.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def options(bars: Path, feed: str | None = None) -> UpOptions:
    return UpOptions(data=(bars,), strategies=(CROSSOVER,), feed=feed)


def test_a_result_is_printed_as_one_json_object(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert backtest(options(bars), Wanted(as_json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["bars"] == 60
    assert told["fills"] > 0
    assert told["balanced"] is True
    assert {"signals", "approved", "denied", "orders", "cash", "equity", "positions"} < set(told)


def test_the_same_input_makes_the_same_tape_id_and_result(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for _ in range(2):
        backtest(options(bars), Wanted(as_json=True))
        told.append(json.loads(capsys.readouterr().out))
        del told[-1]["seconds"]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("first", "last", "count"),
    [
        ("2025-05-13", None, 30),
        (None, "2025-05-12", 30),
        ("2025-05-12T13:45Z", "2025-05-12T13:50Z", 6),
        ("2025-05-12T09:45-04:00", "2025-05-12", 16),
    ],
)
def test_from_and_to_bound_the_bars(
    bars: Path, first: str | None, last: str | None, count: int, capsys: pytest.CaptureFixture[str]
) -> None:
    backtest(options(bars), Wanted(first, last, as_json=True))
    assert json.loads(capsys.readouterr().out)["bars"] == count


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (Wanted("12 May"), "--from '12 May': a date or a time is expected"),
        (Wanted(None, "2025-13-01"), "--to '2025-13-01': a date or a time"),
        (Wanted("2026-01-01"), "leave no bar"),
        (Wanted("2025-05-13", "2025-05-12"), "leave no bar"),
        (Wanted("2025-05-12T20:00Z", "2025-05-13T01:00Z"), "leave no bar"),
    ],
)
def test_times_that_make_no_sense_are_refused(bars: Path, wanted: Wanted, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        backtest(options(bars), wanted)


def test_without_files_there_is_nothing_to_play(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        backtest(UpOptions(), Wanted())
    with pytest.raises(DataError):
        backtest(UpOptions(data=(tmp_path / "none.csv",)), Wanted())


def test_the_simulated_market_is_refused(bars: Path) -> None:
    with pytest.raises(ConfigurationError, match="a backtest plays files"):
        backtest(options(bars, feed="sim"), Wanted())


def test_ctrl_c_gives_the_results_so_far(
    bars: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.backtest.engine.BARS_PER_REPORT", 10)

    def interrupted(*arguments: object, **named: object) -> object:
        os.kill(os.getpid(), signal.SIGINT)
        return engine.run(*arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "run", interrupted)
    assert backtest(options(bars), Wanted(as_json=True)) == INTERRUPTED
    said = capsys.readouterr()
    assert 0 < json.loads(said.out)["bars"] < 60
    assert "interrupted: the results are those up to 2025-05-12" in said.err


def test_the_honesty_tools_stand_in_the_same_document(
    bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = Wanted(as_json=True, check_lookahead=True, check_costs=True, benchmark="AAA")

    assert backtest(options(bars), wanted) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lookahead"]["changes"] == []
    assert len(told["sensitivity"]["cells"]) == 16
    assert told["stats"]["benchmark"]["name"] == "AAA"
    assert told["stats"]["sessions"] == 2


def test_a_benchmark_that_is_not_in_the_files_is_refused(bars: Path) -> None:
    with pytest.raises(ConfigurationError, match="--benchmark SPY: the files hold AAA"):
        backtest(options(bars), Wanted(benchmark="SPY"))
