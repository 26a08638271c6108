"""`make bench`: print what is measured. Name sections to run only those."""

import asyncio
import sys

from bench import backtest, chain, lockstep, memory, recovery, startup, takeover, tape

SECTIONS = {
    "startup": startup.measure,
    "backtest": backtest.measure,
    "tape": tape.measure,
    "chain": chain.measure,
    "lockstep": lockstep.measure,
    "recovery": recovery.measure,
    "memory": memory.measure,
    "takeover": takeover.measure,
}


def main() -> int:
    """Run the named sections, or all of them."""
    wanted = sys.argv[1:] or list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        sys.stderr.write(f"unknown section {unknown[0]!r}: one of {', '.join(SECTIONS)}\n")
        return 2
    for name in wanted:
        asyncio.run(SECTIONS[name]())
    return 0


if __name__ == "__main__":
    sys.exit(main())
