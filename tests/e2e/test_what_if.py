"""`what-if` and `parity` on golden tapes, as a user runs them."""

import json

from tests.e2e.desk import Workshop
from tests.golden.stories import path_of

LIMITS = str(path_of("limits"))


def test_another_limit_shows_what_it_would_have_blocked(workshop: Workshop) -> None:
    (workshop.path / "wider.toml").write_text(
        '[risk]\nmax_open_positions = 50\nmax_daily_loss_fraction = "0.5"\n', encoding="utf-8"
    )
    told = workshop.run("what-if", "--with", "wider.toml", "--tape", LIMITS, "--json").document
    assert told["before"]["blocked_by"]["halted"] > 100
    assert "halted" not in told["after"]["blocked_by"]
    assert told["after"]["filled"] > told["before"]["filled"]
    assert told["changed"] > 0
    shown = workshop.run("what-if", "--with", "wider.toml", "--tape", LIMITS)
    assert shown.code == 0, shown.err
    assert "blocked by halted" in shown.out
    assert "denied: halted" in shown.out


def test_another_strategy_adds_and_removes_signals(workshop: Workshop) -> None:
    change = {"strategies": {"wide": {"params": {"fast": 4, "slow": 30}}}}
    (workshop.path / "slower.json").write_text(json.dumps(change), encoding="utf-8")
    told = workshop.run("what-if", "--with", "slower.json", "--tape", LIMITS, "--json").document
    assert told["removed"] > 0
    assert told["before"]["signals"] > told["after"]["signals"]


def test_parity_is_zero_where_nothing_differs(workshop: Workshop) -> None:
    told = workshop.run("parity", "--tape", LIMITS, "--json").document
    assert told["difference"] == "0.00"
    assert told["decisions"] == told["equal"]
    shown = workshop.run("parity", "--day", "2025-05-12", "--tape", LIMITS)
    assert "fill price" in shown.out


def test_a_bad_change_is_one_sentence(workshop: Workshop) -> None:
    path = workshop.path / "bad.toml"
    command = ("what-if", "--with", "bad.toml", "--tape", LIMITS)
    assert "No such file" in workshop.run(*command).error
    path.write_text("[risk]\nmax_opn_positions = 3\n", encoding="utf-8")
    assert workshop.run(*command).error.startswith("risk.max_opn_positions: ")
    path.write_text("", encoding="utf-8")
    assert "it changes nothing" in workshop.run(*command).error
    none = workshop.run("parity", "--day", "2031-01-01", "--tape", LIMITS)
    assert "nothing was decided on that day" in none.error


def test_a_replay_with_a_change_is_a_what_if(workshop: Workshop) -> None:
    (workshop.path / "one.toml").write_text("[risk]\nmax_open_positions = 1\n", encoding="utf-8")
    change = ("--with", "one.toml", "--tape", LIMITS, "--json")
    assert workshop.run("replay", *change).document == workshop.run("what-if", *change).document
    both = workshop.run("replay", *change, "--break-at", "5")
    assert "--with does something else than a replay" in both.error
    nowhere = workshop.run("replay", "--onto", "localhost", "--tape", LIMITS)
    assert "as in nats://127.0.0.1:4222" in nowhere.error
