"""What the monkey does in a round, all of it decided by the round's seed."""

import random
from typing import Literal, NamedTuple, override

SERVICES = ("data", "strategy", "risk", "execution", "ledger")
SERVERS = ("nats", "postgres")
CONSOLE = "console"
MOMENTS = 6  # about fifteen seconds of trouble in a run of four
STOP_S = (0.5, 3.0)
ROUNDS_A_DAY = 5  # rounds that play the same day share one undisturbed run

type Action = Literal["kill", "stop"]


class Act(NamedTuple):
    """Something done to one process, `delay_s` after its moment; a stop lasts `stop_s`."""

    action: Action
    target: str
    delay_s: float
    stop_s: float

    @override
    def __str__(self) -> str:
        how = f" for {self.stop_s:.1f} s" if self.action == "stop" else ""
        return f"{self.action} {self.target}{how}"


class Moment(NamedTuple):
    """Acts that begin when the tape has grown to a share of its final length."""

    share: float
    acts: tuple[Act, ...]


def plan_of(seed: int) -> list[Moment]:
    """Return the moments of a round, in order."""
    chance = random.Random(seed)
    # A little beyond both ends: births and the closing of the books have their dangers, too.
    shares = sorted(min(max(chance.uniform(-0.1, 1.1), 0.0), 1.0) for _ in range(MOMENTS))
    return [Moment(share, _acts(chance)) for share in shares]


def day_of(seed: int) -> int:
    """Return the seed of the market day that a round plays."""
    return seed // ROUNDS_A_DAY


def _acts(chance: random.Random) -> tuple[Act, ...]:
    """Usually one act, now and then several at about the same time."""
    count = chance.choices((1, 2, 3), (6, 3, 1))[0]
    targets = (*SERVICES, *SERVERS, CONSOLE)
    weights = (*[2.0] * len(SERVICES), *[2.0] * len(SERVERS), 1.0)
    acts = []
    for number in range(count):
        action: Action = chance.choices(("kill", "stop"), (3, 2))[0]
        target = chance.choices(targets, weights)[0]
        delay_s = chance.uniform(0.0, 1.0) if number else 0.0
        acts.append(Act(action, target, delay_s, chance.uniform(*STOP_S)))
    return tuple(acts)
