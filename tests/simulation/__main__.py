"""`make simulate`: rounds of the simulated desk, one seed each, and what became of them.

In the environment: SEED of the first round, ROUNDS how many, MINUTES how long (whichever is over
first; 3 minutes when neither is given).
"""

import os
import random
import sys
import time
from collections import Counter

from tests.simulation.rounds import Verdict, judge

MINUTES = 3.0
SEEDS = 1_000_000_000
STORY_MAX = 60  # lines of one failing round; the command shows it again
FAILURES_MAX = 5
SAY_EVERY_S = 30.0


def main() -> int:
    """Play until the time is over; 1 when a round failed."""
    try:
        rounds = int(os.environ.get("ROUNDS") or 0)
        limit_s = 60 * float(os.environ.get("MINUTES") or (0 if rounds else MINUTES))
        first = int(os.environ.get("SEED") or random.randrange(SEEDS))
    except ValueError as error:
        print(f"simulate: SEED, ROUNDS and MINUTES are numbers: {error}", file=sys.stderr)
        return 2
    print(f"simulate: from SEED={first}", flush=True)
    began_s = said_s = time.monotonic()
    seed, failed, messages, counts = first, 0, 0, Counter[str]()
    while failed < FAILURES_MAX:
        verdict = judge(seed)
        seed += 1
        messages += verdict.messages
        counts.update(verdict.counts)
        if verdict.faults:
            failed += 1
            show(verdict)
        now_s = time.monotonic()
        if now_s - said_s > SAY_EVERY_S:
            said_s = now_s
            print(
                f"    {seed - first} rounds, {failed} failed, {now_s - began_s:.0f} s", flush=True
            )
        if (rounds and seed - first >= rounds) or (limit_s and now_s - began_s >= limit_s):
            break
    took_s = time.monotonic() - began_s
    played = seed - first
    print(
        f"simulate: {played - failed} of {played} rounds hold every invariant;"
        f" {messages:,} messages, {took_s:.0f} s, {took_s / played * 1e3:.0f} ms a round"
    )
    print("    " + ", ".join(f"{what} {count:,}" for what, count in sorted(counts.items())))
    return 1 if failed else 0


def show(verdict: Verdict) -> None:
    """Tell what was done to a round that failed, and the one command that plays it again."""
    print(f"SEED {verdict.seed} FAILED, tape {verdict.digest}, {verdict.messages} messages")
    for fault in verdict.faults:
        print(f"    {fault}")
    left_out = len(verdict.story) - STORY_MAX
    if left_out > 0:
        print(f"    … {left_out} faults before these")
    for line in verdict.story[-STORY_MAX:]:
        print(f"      {line}")
    print(f"    again: make simulate SEED={verdict.seed} ROUNDS=1", flush=True)


if __name__ == "__main__":
    sys.exit(main())
