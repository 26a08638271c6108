"""What the golden tapes tell. Recorded in one process, from a simulated market and made-up bars."""

import json
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from console.configuration import DeskConfiguration, Sources, load_desk
from console.in_process import play
from services.data.config import SimSettings
from services.data.files.source import FileSource
from services.data.simulation.market import SimulatedMarket
from services.strategy.config import StrategySettings
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.market import CorporateAction
from shared.runtime.source import TimeSlice
from shared.tape.archive import ArchiveTape
from tests.backtests import TAPE_ID, desk_of, made_up_bars
from tests.recorded import write_archive

FOLDER = Path(__file__).parent
PINNED = FOLDER / "digests.json"
HOUR_NS = 3_600 * NS_PER_S


class Story(NamedTuple):
    """A desk, and what it is told."""

    desk: DeskConfiguration
    native: Timeframe | None
    slices: Iterable[TimeSlice]


def demo() -> Story:
    """The desk of `make run` in the first hour of its simulated market."""
    desk = load_desk(Sources(default_profile="demo"))
    parts = SimulatedMarket(SimSettings()).slices(-1)
    return Story(desk, None, _first(parts, HOUR_NS))


def limits() -> Story:
    """Two strategies, one divided, in tight limits: denials by the dozen, a halt."""
    strategies = {
        "wide": StrategySettings(
            use="ema_crossover", active=True, shards=2, params={"fast": 3, "slow": 8}
        ),
        "orb": StrategySettings(use="orb", active=True, symbols=("BBB",)),
    }
    risk = {
        "position_fraction": "0.1",
        "max_open_positions": 2,
        "max_daily_loss_fraction": "0.001",
    }
    desk = desk_of(strategies, risk=risk, execution={"paper": {"slippage_bps": "15"}})
    bars = made_up_bars(sessions=1)
    return Story(desk, bars.timeframe, _first(FileSource.of(bars).slices(-1), HOUR_NS * 2))


def actions() -> Story:
    """A split and a dividend between two sessions, held through, with costs of a real schedule."""
    bars = made_up_bars(("AAA", "BBB"), sessions=2, gaps=0.85)
    night_ns = int(bars.end_ns[0]) + 15 * HOUR_NS
    split = CorporateAction(symbol="AAA", kind="split", ex_date="2025-05-13", ratio=3.0)
    paid = CorporateAction(symbol="BBB", kind="dividend", ex_date="2025-05-13", cash_per_share=0.25)
    bars = replace(bars, actions=((night_ns, split), (night_ns, paid)))
    return Story(desk_of(), bars.timeframe, FileSource.of(bars).slices(-1))


STORIES = {"demo": demo, "limits": limits, "actions": actions}


def path_of(name: str) -> Path:
    """Return where a golden tape is kept."""
    return FOLDER / f"{name}.tape"


def record(name: str) -> int:
    """Tell a story anew and keep its tape; return how many messages it has."""
    story = STORIES[name]()
    tape = play(story.desk, TAPE_ID, story.native, story.slices)
    write_archive(tape, path_of(name))
    return tape.last_seq


def digests_of(name: str) -> dict[str, str]:
    """Return a digest of what each actor of a golden tape says, certificates left out.

    A tape is a file of bytes; these lines tell a reader of the change whose decisions are others.
    """
    digests: dict[str, blake2b] = {}
    for entry in ArchiveTape.open(path_of(name)).entries():
        if not entry.subject.endswith(".state"):  # it names the code, which changes every day
            digest = digests.setdefault(str(entry.lane), blake2b(digest_size=16))
            digest.update(f"{entry.cause} {entry.index} {entry.subject}\n".encode())
            digest.update(entry.payload)
    return {lane: digests[lane].hexdigest() for lane in sorted(digests)}


def pinned() -> dict[str, dict[str, str]]:
    """Return the digests that were pinned when the tapes were recorded."""
    found: dict[str, dict[str, str]] = json.loads(PINNED.read_text(encoding="utf-8"))
    return found


def pin() -> None:
    """Pin the digests of the tapes as they are."""
    text = json.dumps({name: digests_of(name) for name in STORIES}, indent=2)
    PINNED.write_text(text + "\n", encoding="utf-8")


def _first(parts: Iterator[TimeSlice], length_ns: int) -> Iterator[TimeSlice]:
    begin = next(parts)
    yield begin
    yield from takewhile(lambda part: part.ts_ns <= begin.ts_ns + length_ns, parts)
