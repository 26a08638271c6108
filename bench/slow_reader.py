"""A process that reads the tape slower than it grows, and says how much memory it takes.

Prints "reading", then once a second its resident memory in bytes and how many it has read.
"""

import asyncio
import os
import sys
import time

import psutil

from shared.tape.client import Login, connect
from shared.tape.jetstream import JetStreamTape

SECONDS = 8.0
CORE_S = 0.001  # what a slow core takes for one message


async def main() -> None:
    """Read with a pause after each message."""
    login = Login(seed=os.environ["BENCH_SEED"])
    client = await connect(os.environ["BENCH_URL"], name="admin", login=login, timeout_s=5)
    tape = await JetStreamTape.open(client)
    own = psutil.Process()
    read, told_s = 0, time.monotonic()
    end_s = told_s + SECONDS
    async with tape.reader(["data.>"], 1) as reader:
        _say("reading")
        while time.monotonic() < end_s:
            read += await reader.next(1.0) is not None
            await asyncio.sleep(CORE_S)
            if time.monotonic() - told_s >= 1.0:
                told_s = time.monotonic()
                _say(f"{own.memory_info().rss} {read}")
    await client.close()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
