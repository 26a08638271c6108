"""`make chaos`: kill, stop and restart the processes of a desk; nothing may come of it.

ROUNDS and SEED in the environment choose how many rounds, and the seed of the first; each round
has the seed after that of the round before it.
"""

import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.chaos.rounds import Arena, Verdict

ROUNDS = 20
SEEDS = 1_000_000
FAULTS_MAX = 8  # the rest follows from the first


def main() -> int:
    """Play the rounds; 1 when one of them failed."""
    rounds = int(os.environ.get("ROUNDS") or ROUNDS)
    first = int(os.environ.get("SEED") or random.randrange(SEEDS))
    print(f"chaos: {rounds} rounds from SEED={first}", flush=True)
    arena = Arena(Path(tempfile.mkdtemp(prefix="tapedeck-chaos-")))
    began_s = time.monotonic()
    failed = 0
    for seed in range(first, first + rounds):
        verdict = arena.play(seed)
        _show(verdict)
        failed += bool(verdict.faults)
    print(f"chaos: {rounds - failed} of {rounds} equal, {time.monotonic() - began_s:.0f} s")
    if not failed:
        shutil.rmtree(arena.folder)
    return 1 if failed else 0


def _show(verdict: Verdict) -> None:
    word = "FAILED" if verdict.faults else "equal"
    acts = ", ".join(act.partition(": ")[2] for act in verdict.acts)
    print(f"{verdict.seed}: {word}, {verdict.seconds:.1f} s: {acts}", flush=True)
    for line in verdict.ends:
        print(f"    {line}", flush=True)
    if not verdict.faults:
        return
    for line in (*verdict.acts, *verdict.faults[:FAULTS_MAX]):
        print(f"    {line}")
    print(f"    kept: {verdict.folder}")
    print(f"    again: make chaos SEED={verdict.seed} ROUNDS=1", flush=True)


if __name__ == "__main__":
    sys.exit(main())
