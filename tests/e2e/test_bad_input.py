"""What cannot be used is refused in one sentence, with a non-zero exit, before anything starts."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.desk import HEADER, Outcome, Workshop, write_bars, write_lines

ROW = "AAA,2025-05-12 13:30:00,100,101,99,100.5,1000"
NEXT = "AAA,2025-05-12 13:31:00,100,101,99,100.5,1000"
BAD_INPUT, UNAVAILABLE = 2, 3
type Refused = Callable[..., Outcome]
RUN = ("up", "--until-done", "--json", "--data")


@pytest.fixture
def good(workshop: Workshop) -> str:
    return str(write_bars(workshop.path / "good.csv", 5))


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([ROW.replace("100.5", "abc")], "row 1 (AAA): close is 'abc', a number is expected"),
        ([ROW.replace("1000", "-5")], "row 1 (AAA): volume is -5.0, zero or more is expected"),
        ([ROW.replace("99", "-1")], "row 1 (AAA): low is -1.0, a price above zero is expected"),
        ([ROW, ROW], "row 2 (AAA): ts 2025-05-12 13:30:00 stands in row 1 already"),
        ([NEXT, ROW], "row 2 (AAA): ts 2025-05-12 13:30:00 is before that of row 1"),
        ([], "no rows"),
        (["AAA,yesterday,1,1,1,1,1"], "row 1 (AAA): ts is 'yesterday', a time is expected"),
    ],
    ids=["text price", "negative volume", "negative price", "twice", "unsorted", "empty", "time"],
)
def test_bad_rows(workshop: Workshop, refused: Refused, rows: list[str], sentence: str) -> None:
    path = write_lines(workshop.path / "bars.csv", [HEADER, *rows])
    outcome = refused(*RUN, str(path))
    assert outcome.code == BAD_INPUT
    assert outcome.error.startswith(f"{path}: ")
    assert sentence in outcome.error
    assert not outcome.out


def test_a_missing_file(workshop: Workshop) -> None:
    outcome = workshop.run(*RUN, "nowhere.csv")
    assert outcome.code == BAD_INPUT
    assert outcome.error == f"{workshop.path}/nowhere.csv: no such file or folder"


def test_a_missing_column(workshop: Workshop, refused: Refused) -> None:
    path = write_lines(workshop.path / "bars.csv", ["symbol,ts,close", "AAA,2025-05-12,1"])
    outcome = refused(*RUN, str(path))
    assert outcome.code == BAD_INPUT
    assert "missing columns: open, high, low, volume" in outcome.error


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--strategy", "nope"), "strategy 'nope': not a built-in one (ema_crossover,"),
        (("--strategy", "nowhere.at_all:It"), "strategy 'nowhere.at_all:It': no module 'nowhere'"),
        (("--strategy", "ema_crossover", "--set", "fast"), "--set 'fast': key=value is expected"),
        (
            ("--strategy", "ema_crossover", "--set", "speedy=1"),
            "strategy 'ema_crossover': EmaCrossover: unknown parameter 'speedy'",
        ),
        (
            ("--strategy", "ema_crossover", "--set", "fast=abc"),
            "strategy 'ema_crossover': EmaCrossover: parameter fast = 'abc'",
        ),
        (("--speed", "quick"), "speed 'quick': 'max' or a factor such as '60x' is expected"),
        (("--cash", "much"), "--cash 'much': an amount of money is expected"),
        (("--cash", "-5"), "execution.paper.starting_cash: input should be greater than 0"),
        (("--feed", "sim"), "--data names files, which --feed sim does not read"),
        (("--config", "nowhere.toml"), "configuration nowhere.toml: No such file or directory"),
        (("--profile", "nope"), "unknown profile 'nope': one of demo"),
        (("--unheard-of",), "No such option: --unheard-of"),
    ],
)
def test_bad_options(
    workshop: Workshop, refused: Refused, good: str, arguments: tuple[str, ...], sentence: str
) -> None:
    outcome = refused(*RUN, good, *arguments)
    assert outcome.code == BAD_INPUT
    assert outcome.error.startswith(sentence)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"TAPEDECK__RISK__NO_SUCH_LIMIT": "1"}, "risk.no_such_limit: unknown key"),
        ({"TAPEDECK__NO_SUCH_SECTION": "1"}, "environment variable TAPEDECK__NO_SUCH_SECTION"),
        ({"TAPEDECK__NATS__PASSWORD": "your_key_here"}, "nats.password: is a placeholder"),
        ({"TAPEDECK__HEALTH__RISK_PORT": "99999"}, "health.risk_port: "),
        ({"TAPEDECK__MODE": "live"}, "mode: live trading"),
    ],
)
def test_bad_configuration(
    workshop: Workshop, refused: Refused, good: str, environment: dict[str, str], sentence: str
) -> None:
    outcome = refused(*RUN, good, **environment)
    assert outcome.code == BAD_INPUT
    assert outcome.error.startswith(sentence)


def test_an_unknown_key_in_a_file(workshop: Workshop, refused: Refused, good: str) -> None:
    config = write_lines(workshop.path / "desk.toml", ["[risk]", "max_dayly_loss = 5"])
    outcome = refused(*RUN, good, "--config", str(config))
    assert outcome.code == BAD_INPUT
    assert outcome.error == "risk.max_dayly_loss: unknown key"


def test_a_taken_port(workshop: Workshop, good: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        outcome = workshop.run(*RUN, good, TAPEDECK__HEALTH__RISK_PORT=str(port))
    assert outcome.code == UNAVAILABLE
    assert f"risk's health cannot listen on port {port}" in outcome.error
    assert "TAPEDECK__HEALTH__RISK_PORT" in outcome.error


def test_a_wrong_database_password(workshop: Workshop, good: str, database_url: str) -> None:
    scheme, _, rest = database_url.partition("://")
    user, _, place = rest.partition("@")
    wrong = f"{scheme}://{user.partition(':')[0]}:wrong-pass@{place}"
    outcome = workshop.run(*RUN, good, TAPEDECK__POSTGRES__URL=wrong)
    assert outcome.code == UNAVAILABLE
    assert "refuses the password of this user" in outcome.error
    assert "wrong-pass" not in outcome.err


def test_a_database_that_is_not_there(workshop: Workshop, good: str) -> None:
    outcome = workshop.run(
        *RUN, good, TAPEDECK__POSTGRES__URL="postgresql://tapedeck@127.0.0.1:1/tapedeck"
    )
    assert outcome.code == UNAVAILABLE
    assert "127.0.0.1:1/tapedeck" in outcome.error


def test_a_nats_server_that_is_not_there(workshop: Workshop, good: str) -> None:
    outcome = workshop.run(*RUN, good, TAPEDECK__NATS__URL="nats://127.0.0.1:1")
    assert outcome.code == UNAVAILABLE
    assert outcome.error.startswith("NATS at nats://127.0.0.1:1 cannot be reached")


def test_a_state_folder_that_cannot_be(workshop: Workshop, refused: Refused, good: str) -> None:
    blocked = workshop.path / "file"
    blocked.write_text("not a folder")
    outcome = refused(*RUN, good, "--state", str(blocked / "state"))
    assert outcome.code == UNAVAILABLE
    assert outcome.error.startswith(f"the state folder {blocked / 'state'} cannot be written")


def test_validate_names_what_is_wrong(workshop: Workshop, refused: Refused) -> None:
    path = write_lines(workshop.path / "bars.csv", [HEADER, ROW.replace("100.5", "abc")])
    lines = ['[data]\nfeed = "file"', f'[data.file]\npaths = ["{path}"]']
    config = write_lines(workshop.path / "desk.toml", lines)
    outcome = refused("validate", "--config", str(config))
    assert outcome.code == BAD_INPUT
    (failed,) = (line for line in outcome.out.splitlines() if line.startswith("FAILED"))
    assert "close is 'abc', a number is expected" in failed


def test_commands_that_need_a_desk_say_so(workshop: Workshop, refused: Refused) -> None:
    for command in (["status"], ["positions"], ["kill"], ["tape", "tail"], ["down"]):
        outcome = refused(*command)
        assert outcome.code == UNAVAILABLE
        assert f"no desk runs in {workshop.path}/.tapedeck" in outcome.error


def test_a_sound_folder_of_files_is_played(workshop: Workshop, good: str) -> None:
    folder = Path(good).parent / "folder"
    folder.mkdir()
    Path(good).rename(folder / "good.csv")
    outcome = workshop.run(*RUN, str(folder))
    assert outcome.document["bars"] == 15
