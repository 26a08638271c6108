"""The kill that needs no tape: a file on this machine, and a word over core NATS.

Whoever kills writes the file first. As long as a kill is latched and not known to stand on the
tape, execution and its broker publish nothing; execution puts it on the tape itself when it
can, and only then goes on, so that whatever comes after stands behind the kill.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from shared.domain.errors import UnavailableError
from shared.domain.ids import derive_id
from shared.messages.control import Kill
from shared.permissions import KILL_SUBJECT
from shared.runtime.clock import monotonic_s, now_ns
from shared.runtime.turns import Turns, TurnsOverError
from shared.subjects import lane, reading
from shared.tape.entry import fact
from shared.tape.interface import NoVerdictError, Tape, TapeFullError
from shared.tape.reading import read_all

POLL_S = 0.05
GRACE_S = 0.5  # for whoever latched the kill to say it himself: one kill on the tape, not two
LATCH_BYTES_MAX = 10_000
RECORDED_MAX = 100  # ids known to be on the tape; one that is forgotten is looked up again
HEARD_MAX = 100  # kills over core NATS that wait for the tape; one is as good as all
_SPEAKER = lane("control", "execution")
_KILLS = reading("control", "*", "kill")
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
        _sync_folder(path.parent)
    except OSError as error:
        raise UnavailableError(f"the latch {path} cannot be written: {error.strerror}") from None


def _sync_folder(folder: Path) -> None:
    """Put the file's name on disk, too: a power cut must not take the kill back."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_latch(path: Path) -> Latch | None:
    """Return the latched kill. What cannot be read is one too: in doubt nothing trades."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(LATCH_BYTES_MAX), type=Latch)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        # The id follows from when it was written: the same rubbish is one kill, other is another.
        identity = f"unreadable/{_changed_ns(path)}"
        return Latch(id=identity, reason=f"{path} cannot be read: {error}")


def _changed_ns(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def clear_latch(path: Path) -> None:
    """Take the latch away, after the `resume` that ends its kill stands on the tape."""
    path.unlink(missing_ok=True)


class KillHold:
    """Holds everything back while a kill is latched and not yet on the tape.

    `over` lays it over an actor's turns; `listen` and `watch` keep it up to date. Whether a kill
    is on the tape is read from the tape, whoever has put it there.
    """

    def __init__(self, path: Path | None, tape: Tape, say: Callable[[str], None]) -> None:
        self._path = path
        self._tape = tape
        self._say = say
        self._heard: dict[str, Latch] = {}
        self._recorded: dict[str, None] = {}

    @property
    def due(self) -> Latch | None:
        """The kill that nothing may pass because it is not on the tape."""
        latched = read_latch(self._path) if self._path is not None else None
        if latched is not None and latched.id not in self._recorded:
            return latched
        return next(iter(self._heard.values()), None)

    def over(self, turns: Turns) -> Turns:
        """Return the same turns, which nobody gets while a kill is due."""
        return HeldTurns(turns, self)

    async def listen(self, client: Client) -> None:
        """Take kills over core NATS, and answer that they hold."""

        async def on_kill(message: Msg) -> None:
            try:
                latch = msgspec.json.decode(message.data, type=Latch)
            except msgspec.MsgspecError as error:
                self._say(f"a kill that cannot be read: {error}")
                return
            if len(self._heard) < HEARD_MAX:
                self._heard.setdefault(latch.id, latch)
            if message.reply:
                await message.respond(b"execution")

        await client.subscribe(KILL_SUBJECT, cb=on_kill)

    async def watch(self) -> None:
        """Put every latched kill on the tape, once, as soon as the tape is there."""
        due_id, since_s = "", 0.0
        while True:
            latch = self.due
            if latch is not None:
                if latch.id != due_id:
                    due_id, since_s = latch.id, monotonic_s()
                    self._say(f"a kill is latched, nothing leaves: {latch.reason or latch.id}")
                try:
                    await self._settle(latch, may_say=monotonic_s() - since_s >= GRACE_S)
                except (UnavailableError, NoVerdictError, TapeFullError) as error:
                    self._say(f"a kill is latched and not on the tape yet: {error}")
            await asyncio.sleep(POLL_S)

    async def _settle(self, latch: Latch, *, may_say: bool) -> None:
        """Find the kill on the tape; say it there when nobody else does."""
        if not await is_on_tape(self._tape, latch):
            if not may_say:
                return
            kill = Kill(reason=latch.reason)
            out = fact(self._tape.id, _SPEAKER, kill, ts_ns=now_ns(), key=latch.id)
            await self._tape.tell(out, once_id=latch.id)
        self._heard.pop(latch.id, None)
        self._recorded[latch.id] = None
        if len(self._recorded) > RECORDED_MAX:
            del self._recorded[next(iter(self._recorded))]


class HeldTurns:
    """Turns with a hold over them."""

    def __init__(self, turns: Turns, hold: KillHold) -> None:
        self._turns = turns
        self._hold = hold
        self._left = False

    @property
    def is_exclusive(self) -> bool:
        """As the turns below."""
        return self._turns.is_exclusive

    @property
    def granted(self) -> int:
        """What the turns below grant, or nothing."""
        return self._turns.granted if self._hold.due is None else _NOTHING

    async def wait_for(self, cause: int, head: int) -> None:
        """Return when it is its turn and no kill waits for the tape."""
        await self._turns.wait_for(cause, head)
        await self.go()

    async def go(self) -> None:
        """Return once no kill waits for the tape; TurnsOverError after `leave`."""
        while self._hold.due is not None:
            if self._left:
                raise TurnsOverError("a latched kill holds what is left to say")
            await asyncio.sleep(POLL_S)
        await self._turns.go()

    async def report(self, handled: int, head: int) -> None:
        """Report as the turns below do."""
        await self._turns.report(handled, head)

    def leave(self) -> None:
        """Wait no longer."""
        self._left = True
        self._turns.leave()


async def is_on_tape(tape: Tape, latch: Latch) -> bool:
    """Look for a latched kill among those of this tape, whoever has put it there; they are few.

    A later kill proves nothing: it may have been resumed before this one was latched.
    """
    async for entry in read_all(tape, (_KILLS,)):
        if entry.open()[0].id == derive_id(tape.id, str(entry.lane), latch.id, 0):
            return True
    return False


async def tell_over_core(client: Client, latch: Latch, wait_s: float) -> Sequence[str]:
    """Say a kill without the tape; return which services answered that they hold.

    Empty when nobody listens or the server does not answer in time.
    """
    heard: dict[str, None] = {}
    is_over = asyncio.Event()

    async def take(message: Msg) -> None:
        if (message.headers or {}).get("Status"):
            is_over.set()  # nobody listens
        else:
            heard.setdefault(message.data.decode(errors="replace"))

    with contextlib.suppress(TimeoutError, NatsError):
        inbox = client.new_inbox()
        subscription = await client.subscribe(inbox, cb=take)
        await client.publish(KILL_SUBJECT, msgspec.json.encode(latch), reply=inbox)
        try:
            async with asyncio.timeout(wait_s):
                await is_over.wait()
        finally:
            await subscription.unsubscribe()
    return tuple(heard)
