"""The kill that needs no tape: a file on this machine, and a word over core NATS.

Whoever kills writes the file first. As long as a kill is latched and not known to stand on the
tape, execution and its broker publish nothing; execution puts it on the tape itself when it
can, and only then goes on, so that whatever comes after stands behind the kill.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.domain.errors import UnavailableError
from shared.domain.ids import derive_id
from shared.messages.control import Kill
from shared.permissions import KILL_SUBJECT
from shared.runtime.clock import now_ns
from shared.runtime.turns import TurnsOverError
from shared.subjects import lane
from shared.tape.entry import fact
from shared.tape.interface import NoVerdictError, Tape, TapeFullError

POLL_S = 0.05
LATCH_BYTES_MAX = 10_000
_SPEAKERS = (lane("control", "console"), lane("control", "gateway"), lane("control", "execution"))
_NOTHING = -1


class Latch(Struct, frozen=True, kw_only=True):
    """A kill. `id` is the command's own, the same on every way."""

    id: str
    reason: str = ""


def write_latch(path: Path, latch: Latch) -> None:
    """Latch a kill, on disk when this returns; UnavailableError when that cannot be."""
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            file.write(msgspec.json.encode(latch))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UnavailableError(f"the latch {path} cannot be written: {error.strerror}") from None


def read_latch(path: Path) -> Latch | None:
    """Return the latched kill. What cannot be read is one too: in doubt nothing trades."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(LATCH_BYTES_MAX), type=Latch)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        return Latch(id=f"unreadable/{path.name}", reason=f"{path} cannot be read: {error}")


def clear_latch(path: Path) -> None:
    """Take the latch away, after the `resume` that ends its kill stands on the tape."""
    path.unlink(missing_ok=True)


class KillHold:
    """Turns that nobody gets while a kill is latched and not yet on the tape."""

    is_exclusive = False

    def __init__(self, path: Path, tape: Tape, say: Callable[[str], None]) -> None:
        self._path = path
        self._tape = tape
        self._say = say
        self._heard: Latch | None = None
        self._recorded: set[str] = set()
        self._left = False

    @property
    def granted(self) -> int:
        """Everything, or nothing."""
        return _NOTHING if self._due() is not None else sys.maxsize

    def _due(self) -> Latch | None:
        for latch in (read_latch(self._path), self._heard):
            if latch is not None and latch.id not in self._recorded:
                return latch
        return None

    async def wait_for(self, cause: int, head: int) -> None:
        """Return once no kill waits for the tape; TurnsOverError after `leave`."""
        while self.granted < cause:
            if self._left:
                raise TurnsOverError(f"a latched kill holds what {cause} caused, behind {head}")
            await asyncio.sleep(POLL_S)

    async def report(self, handled: int, head: int) -> None:
        """Tell nobody."""

    def leave(self) -> None:
        """Wait no longer."""
        self._left = True

    async def listen(self, client: Client) -> None:
        """Take kills over core NATS, and answer."""

        async def on_kill(message: Msg) -> None:
            try:
                self._heard = msgspec.json.decode(message.data, type=Latch)
            except msgspec.MsgspecError as error:
                self._say(f"a kill that cannot be read: {error}")
                return
            await message.respond(b"execution")

        await client.subscribe(KILL_SUBJECT, cb=on_kill)

    async def watch(self) -> None:
        """Put every latched kill on the tape, once, as soon as the tape is there."""
        while True:
            latch = self._due()
            if latch is not None:
                try:
                    await self._record(latch)
                except (UnavailableError, NoVerdictError, TapeFullError) as error:
                    self._say(f"a kill is latched and not on the tape yet: {error}")
                else:
                    self._recorded.add(latch.id)
            await asyncio.sleep(POLL_S)

    async def _record(self, latch: Latch) -> None:
        for speaker in _SPEAKERS:
            last = await self._tape.last(f"{speaker}.kill")
            known = derive_id(self._tape.id, str(speaker), latch.id, 0)
            if last is not None and last.open()[0].id == known:
                return
        kill = Kill(reason=latch.reason)
        out = fact(self._tape.id, _SPEAKERS[-1], kill, ts_ns=now_ns(), key=latch.id)
        await self._tape.tell(out, once_id=latch.id)
