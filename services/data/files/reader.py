"""A process that reads files, hands the bars over and ends, taking pyarrow's memory with it.

    python -m services.data.files.reader TIMEFRAME|- ACTIONS|- PATH...

Writes the bars to standard output (see `bars.pack`). When the files are not sound it writes the
one sentence that says so to standard error and ends with `UNSOUND`. The data service starts it
(`read_apart`), so that the service itself stays small and its heartbeat goes on meanwhile.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from services.data.files.bars import Bars, pack, unpack
from shared.domain.errors import DataError
from shared.domain.values import Timeframe

UNSOUND = 2
_NONE = "-"


async def read_apart(
    paths: Sequence[Path], timeframe: Timeframe | None, actions: Path | None = None
) -> Bars:
    """Read files in a process of their own; DataError when they are not sound. See `load`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.data.files.reader"),
        *(timeframe or _NONE, actions or _NONE, *map(str, paths)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        data, said = await process.communicate()
    finally:
        if process.returncode is None:  # we are being stopped
            process.kill()
    if process.returncode == 0:
        return unpack(data)
    last = (said.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1]
    if process.returncode == UNSOUND:
        raise DataError(last)
    raise DataError(f"the process that reads the files ended with {process.returncode}: {last}")


def main(arguments: Sequence[str]) -> int:
    """Read the files that the arguments name; return the exit code."""
    # pyarrow imports NumPy and pandas where they are installed (a development environment has
    # them): over a second and 80 MB for conversions that this process never does.
    for heavy in ("numpy", "pandas"):
        sys.modules.setdefault(heavy, None)  # type: ignore[arg-type]
    from services.data.files.finding import find_files  # noqa: PLC0415
    from services.data.files.loading import load  # noqa: PLC0415 - after the line above

    timeframe, actions, *paths = arguments
    try:
        files = find_files([Path(path) for path in paths])
        bars = load(
            files,
            None if timeframe == _NONE else Timeframe(timeframe),
            None if actions == _NONE else Path(actions),
        )
    except DataError as error:
        sys.stderr.write(f"{error}\n")
        return UNSOUND
    sys.stdout.buffer.writelines(pack(bars))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
