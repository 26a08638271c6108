from decimal import Decimal

import pytest
from rich.console import Console

from console.view.drawing import draw
from console.view.picture import Happening, Holding, Picture, ServiceHealth
from shared.messages.market import Clock


def full_picture() -> Picture:
    seen = Picture(
        title="main · paper · sim 60x",
        strategies={"crossover": "active", "breakout": "quarantined"},
        starting_equity=Decimal(100_000),
        cash=Decimal("90000.5"),
        booked_equity=Decimal(100_000),
        holdings=[Holding(f"SYM{i}", Decimal(10), Decimal(100), Decimal(101)) for i in range(9)],
        tape_end=123_456,
        rate=50,
        clock=Clock(ts_ns=1_747_056_600_000_000_000, session="2025-05-12", is_open=True),
        pace=60,
        services={"risk": ServiceHealth(False, "recovering", 12, 2)},
        counts={"signal": 7},
    )
    for seq in range(40):
        event = Happening(1_747_056_600_000_000_000, seq, "filled", "main", "buy AAPL" + "x" * 99)
        seen.traded.appendleft(event)
        seen.decided.appendleft(event)
    return seen


def screen(picture: Picture, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.capture() as captured:
        console.print(draw(picture, width, height, "/logs"), height=height)
    console.file.close()
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 36), (200, 60)])
def test_the_screen_fits_the_terminal(width: int, height: int) -> None:
    lines = screen(full_picture(), width, height)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert "2025-05-12 13:30:00 UTC" in lines[0]
    assert "equity 99,090.50" in lines[1]
    assert "tape 123,456" in lines[1]
    assert "Ctrl-C stops the desk" in lines[-1]
    text = "\n".join(lines)
    for shown in ("SYM0", "recovering", "crossover", "quarantined", "filled"):
        assert shown in text


def test_an_empty_desk_is_drawn_too() -> None:
    lines = screen(Picture(title="t", strategies={}, starting_equity=Decimal(1)), 80, 24)
    assert len(lines) == 24
    assert "none yet" in "\n".join(lines)


def test_a_halt_cannot_be_overlooked() -> None:
    picture = full_picture()
    picture.halted = "killed: drill"
    assert "HALTED killed: drill" in screen(picture, 120, 36)[0]
