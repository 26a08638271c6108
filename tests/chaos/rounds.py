"""One round: a day played by a disturbed desk must leave what an undisturbed one leaves."""

import asyncio
import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.evidence import Evidence, differences, gather
from tests.chaos.monkey import Desk
from tests.chaos.plan import Moment, day_of, plan_of
from tests.e2e.desk import Outcome, Workshop, write_bars

MINUTES = 390  # one session
SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")
STRATEGIES = (
    *("--strategy", "ema_crossover", "--set", "fast=3", "--set", "slow=8"),
    *("--strategy", "opening_range_breakout"),
)
STARTS_S_MAX = 30.0


@dataclass(frozen=True)
class Verdict:
    """How a round went: `faults` is empty when it was as if nothing had happened.

    `ends` are the last words of services that ended by themselves.
    """

    seed: int
    acts: list[str]
    ends: list[str]
    seconds: float
    faults: list[str]
    folder: Path


@dataclass
class Arena:
    """Rounds below one folder; the undisturbed run of a day is made once."""

    folder: Path
    minutes: int = MINUTES
    _undisturbed: dict[int, Evidence] = field(default_factory=dict)

    def play(self, seed: int, plan: list[Moment] | None = None) -> Verdict:
        """Play one round; its folder is kept only when something is wrong."""
        calm = self.undisturbed(day_of(seed))
        workshop = self._workshop(f"round-{seed}")
        state = workshop.path / "state"
        began_s = time.monotonic()
        desk = Desk(workshop, self._command(day_of(seed)), state)
        moments = plan_of(seed) if plan is None else plan
        outcome = asyncio.run(desk.run(moments, int(calm.result["tape"]["last"])))
        ends = list(_ends(state))
        faults = [*_judge(calm, outcome, state), *_leftovers(workshop)]
        faults += [f"nobody expected this: {end}" for end in ends if not _is_orderly(end)]
        seconds = time.monotonic() - began_s
        if not faults:
            shutil.rmtree(workshop.path)
        return Verdict(seed, desk.done, ends, seconds, faults, workshop.path)

    def undisturbed(self, day: int) -> Evidence:
        """Return what a run over a day leaves when nobody disturbs it."""
        if day not in self._undisturbed:
            workshop = self._workshop(f"day-{day}")
            state = workshop.path / "state"
            outcome = workshop.run(*self._command(day), "--state", str(state))
            evidence = gather(state, outcome.result)
            assert not evidence.faults, evidence.faults
            assert outcome.document["fills"], "a day without a fill proves nothing"
            self._undisturbed[day] = evidence
            shutil.rmtree(workshop.path)
        return self._undisturbed[day]

    def _workshop(self, name: str) -> Workshop:
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return Workshop(self.folder / name)

    def _command(self, day: int) -> list[str]:
        path = self.folder / f"day-{day}.csv"
        if not path.exists():
            write_bars(path, self.minutes, day, SYMBOLS[: 3 + day % 3])
        return ["up", "--feed", "file", "--data", str(path), "--until-done", "--json", *STRATEGIES]


def _judge(calm: Evidence, outcome: Outcome, state: Path) -> list[str]:
    if outcome.code != 0:
        return [f"the command ended with {outcome.code}: {outcome.err.strip()[-2_000:]}"]
    return differences(calm, gather(state, outcome.result))


def _ends(state: Path) -> Iterator[str]:
    """Yield why services ended by themselves: a server that was away is a good reason."""
    for path in sorted((state / "logs").glob("*.log*")):
        for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if '"critical"' in text:
                yield f"{path.name}: {json.loads(text)['error']}"


def _is_orderly(end: str) -> bool:
    return any(reason in end for reason in ("NATS", "PostgreSQL", "JetStream", "another instance"))


def _leftovers(workshop: Workshop) -> list[str]:
    deadline_s = time.monotonic() + STARTS_S_MAX
    while left := workshop.processes():
        if time.monotonic() > deadline_s:
            return [f"processes are left: {left}"]
        time.sleep(0.05)
    return []
