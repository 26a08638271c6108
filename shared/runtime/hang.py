"""What is said about an actor whose code hangs or is too slow, and where that code is."""

import mmap
import sysconfig
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import CodeType, FrameType

from msgspec import Struct

from shared.messages.control import Quarantine
from shared.runtime.clock import now_ns
from shared.subjects import HOST, Lane
from shared.tape.entry import fact
from shared.tape.interface import Tape

NOTE_BYTES = 256

_ROOT = Path(__file__).parents[2]
_LIBRARIES = (
    *(f"{_ROOT / name}/" for name in ("services", "shared")),
    *(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "purelib", "platlib")),
    "<frozen",
)
_EXAMPLES = f"{_ROOT / 'services' / 'strategy' / 'builtin'}/"  # written as a user's would be


class Hang(Struct, frozen=True):
    """A message that an actor did not come back from, and the line where it was."""

    lane: Lane
    seq: int
    where: str

    def sentence(self, patience_s: float) -> str:
        """Say it."""
        return f"{self.lane} hung for {patience_s:g} s on message {self.seq}, at {self.where}"


async def put_quarantine(tape: Tape, hang: Hang) -> bool:
    """Take an actor out of service from the message on that it hung on.

    Returns False when somebody has answered that message or a later one: it does not hang there.
    Raises UnavailableError, NoVerdictError or FenceLostError.
    """
    last = await tape.last(hang.lane.fence)
    if last is not None and last.cause >= hang.seq:
        return False
    command = Quarantine(
        strategy_id=hang.lane.actor, from_seq=hang.seq, reason=f"hung at {hang.where}"
    )
    out = fact(tape.id, HOST, command, ts_ns=now_ns(), key=f"hang/{hang.lane}/{hang.seq}")
    await tape.append(out, lane=hang.lane, fence=last.seq if last is not None else 0)
    return True


async def put_slow(tape: Tape, speaker: Lane, seq: int, took_s: float, budget_s: float) -> None:
    """Take an actor out of service, from here on, that is too slow for its neighbours."""
    reason = f"took {took_s:.1f} s for message {seq} and more than {budget_s:g} s too often"
    command = Quarantine(strategy_id=speaker.actor, from_seq=0, reason=reason)
    key = f"slow/{speaker}/{seq}"
    out = fact(tape.id, HOST, command, ts_ns=now_ns(), key=key)
    await tape.tell(out, once_id=f"{tape.id}/{key}")


def where_of(frame: FrameType, called_by: CodeType) -> str:
    """Return file and line of the innermost frame that is the author's, else of the innermost.

    Frames from `called_by` outwards are the host's.
    """
    places = [(f.f_code.co_filename, line) for f, line in _inside(frame, called_by)]
    authors = [place for place in places if not _is_library(place[0])]
    path, line = (authors or places or [(frame.f_code.co_filename, frame.f_lineno)])[0]
    return f"{Path(path).name}:{line}"


def _inside(frame: FrameType, called_by: CodeType) -> Iterator[tuple[FrameType, int]]:
    """Walk outwards up to where the core was called."""
    for outer, line in traceback.walk_stack(frame):
        if outer.f_code is called_by:
            return
        yield outer, line


def _is_library(path: str) -> bool:
    return path.startswith(_LIBRARIES) and not path.startswith(_EXAMPLES)


class Mark:
    """A file that outlives a process: which message was handled, and where it was ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file = path.open("w+b")
        self.file.truncate(NOTE_BYTES)
        self.file.seek(NOTE_BYTES)
        self.note = mmap.mmap(self.file.fileno(), NOTE_BYTES)

    def remove(self) -> None:
        """After an orderly end there is nothing to say."""
        self.file.close()
        self._path.unlink(missing_ok=True)


def read_mark(path: Path, lanes: Sequence[Lane]) -> Hang | None:
    """Return what the last process of this place hung on, if it was ended for that.

    Only an actor that is one of `lanes` can be named; the file of anybody else is of no use.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None
    note, dump = data[:NOTE_BYTES].decode(errors="replace").split(), data[NOTE_BYTES:]
    if not dump.startswith(b"Timeout") or len(note) != 2 or not note[0].isdigit():
        return None
    found = next((one for one in lanes if str(one) == note[1]), None)
    return None if found is None else Hang(found, int(note[0]), _first_line_of(dump.decode()))


def _first_line_of(dump: str) -> str:
    """Return the innermost place outside of libraries, of the thread that ran our code."""
    for thread in dump.split("Thread 0x"):
        if "watchdog.py" not in thread or " in handle" not in thread:
            continue
        places = [line.split('"')[1::2] + line.split() for line in thread.splitlines()]
        for words in (words for words in places if "File" in words):
            if not _is_library(words[0]):
                return f"{Path(words[0]).name}:{words[words.index('line') + 1]}"
    return "an unknown line"
