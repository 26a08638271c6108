"""Ends a process in which an actor's code hangs, and sees to it that nobody hangs there again.

The event loop notes which message it hands to which actor (`Watched`, `Post`); a thread looks at
that note. It counts its own looks and not the clock, so that a stopped process (SIGSTOP, a
machine that sleeps) is not taken for a hung one. After `patience_s` it puts a `quarantine` on the
tape, over a connection of its own, and ends the process; until then it keeps the process's seat
among the members, or the actor would move on and hang the next one.

The quarantine is fenced on the actor's lane: when another instance has said anything about that
message or later ones, it does not hang, and the tape refuses the quarantine.

Code that hangs without letting go of the interpreter stops that thread, too. `faulthandler` ends
the process then, from a thread that needs no interpreter. It can say no more than where: into a
file, which also holds the note. The next start reads it and says the rest.
"""

import asyncio
import faulthandler
import mmap
import os
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import IO, Any, NoReturn, override

from structlog.typing import FilteringBoundLogger

from shared.core import Stamp
from shared.domain.errors import TapedeckError
from shared.messages.base import Message
from shared.runtime.clock import monotonic_s
from shared.runtime.exits import Exit
from shared.runtime.foresight import ForeseeingCore
from shared.runtime.hang import NOTE_BYTES, Hang, Mark, put_quarantine, where_of
from shared.subjects import Lane
from shared.tape.interface import Tape

LOOK_S = 0.25
ATTEND_S = 1.0  # of one message before the thread connects
REPORT_S = 3.0  # for the quarantine, before the process ends without it
REARM_S = 1.0
DEEP_FACTOR = 2.0  # patience with code that stops every thread
SLOW_MAX = 3  # calls above the budget within SLOW_WINDOW_S
SLOW_WINDOW_S = 60.0


class Post:
    """What the event loop is handing to whom. Written by it alone, read by the thread.

    `slow` takes (lane, sequence, seconds) of an actor that has used up its budget.
    """

    def __init__(
        self, budget_s: float = 0.0, slow: Callable[[Lane, int, float], None] | None = None
    ) -> None:
        self.lane: Lane | None = None
        self.seq = 0
        self.calls = 0
        self.note: mmap.mmap | None = None
        self.budget_s = budget_s
        self.slow = slow
        self._overruns: dict[Lane, list[float]] = {}

    def begin(self, speaker: Lane, seq: int) -> None:
        """A message is about to be handed over."""
        self.seq = seq
        self.lane = speaker
        self.calls += 1
        if self.note is not None:
            self.note[:NOTE_BYTES] = f"{seq} {speaker}".encode().ljust(NOTE_BYTES)

    def end(self) -> None:
        """The actor is back."""
        self.lane = None
        if self.note is not None:
            self.note[:1] = b"-"

    def overran(self, speaker: Lane, seq: int, took_s: float) -> None:
        """A call took longer than its budget; too many in a short time are reported."""
        now_s = monotonic_s()
        recent = [s for s in self._overruns.get(speaker, []) if s > now_s - SLOW_WINDOW_S]
        self._overruns[speaker] = recent = [*recent, now_s]
        if len(recent) >= SLOW_MAX and self.slow is not None:
            self._overruns[speaker] = []
            self.slow(speaker, seq, took_s)


class Watched:
    """A core that says at the post what it is given."""

    def __init__(self, core: ForeseeingCore, post: Post) -> None:
        self._core = core
        self._post = post
        self.lane = core.lane
        self.reads = core.reads
        self.foresees = core.foresees
        self.foresee = core.foresee
        self.snapshot = core.snapshot
        self.restore = core.restore

    def handle(self, stamp: Stamp, message: Message, /) -> tuple[Message, ...]:
        """As the core does."""
        post, began_s = self._post, monotonic_s()
        post.begin(self.lane, stamp.seq)
        try:
            return self._core.handle(stamp, message)
        finally:
            post.end()
            took_s = monotonic_s() - began_s
            if took_s > post.budget_s > 0:
                post.overran(self.lane, stamp.seq, took_s)


type Keep = Callable[[], Awaitable[object]]
type Attend = Callable[["Watchdog"], Coroutine[Any, Any, None]]


class Watchdog(threading.Thread):
    """Watches the thread that makes it. `attend` is run, in this thread, while an actor has kept
    the event loop for longer than ATTEND_S: see `attend_with`.
    """

    def __init__(
        self, post: Post, patience_s: float, attend: Attend, log: FilteringBoundLogger
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self.post = post
        self.patience_s = patience_s
        self._attend = attend
        self._log = log
        self._watched = threading.get_ident()
        self._ended = threading.Event()
        self._file: IO[Any] | None = sys.__stderr__
        self._call = -1
        self._looks = 0
        self._rearmed_s = float("-inf")

    @override
    def start(self) -> None:
        """Begin; what hangs at once is ended, too."""
        self._rearm()
        super().start()

    def stop(self) -> None:
        """End the watch."""
        self._ended.set()
        faulthandler.cancel_dump_traceback_later()

    @override
    def run(self) -> None:
        """Look, until stopped."""
        while not self._ended.wait(LOOK_S):
            if self.stuck_s() >= min(ATTEND_S, self.patience_s):
                try:
                    asyncio.run(self._attend(self))
                except (TapedeckError, TimeoutError, OSError) as error:
                    self._log.warning("the hang cannot be reported", error=str(error))
                    self.wait_and_end()

    def stuck_s(self) -> float:
        """Look once; return how long the same call has been seen."""
        self._rearm()
        post = self.post
        if post.lane is None or post.calls != self._call:
            self._call, self._looks = post.calls, 0
        else:
            self._looks += 1
        return self._looks * LOOK_S

    def hang(self) -> Hang | None:
        """Return what hangs; None when the actor has come back meanwhile."""
        post, call = self.post, self._call
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 - there is no other way
        where = where_of(frame, Watched.handle.__code__) if frame is not None else "an unknown line"
        speaker, seq = post.lane, post.seq
        if speaker is None or post.calls != call:
            return None
        return Hang(speaker, seq, where)

    def wait_and_end(self) -> None:
        """Without a server: end the process when the time has come, if the actor is not back."""
        while not self._ended.wait(LOOK_S):
            stuck_s = self.stuck_s()
            if not stuck_s:
                return
            if stuck_s >= self.patience_s and (found := self.hang()) is not None:
                self.end(found, "it could not be put on the tape")

    def end(self, hang: Hang, then: str) -> NoReturn:
        """End the process, with one sentence."""
        self._log.critical("stopped", error=f"{hang.sentence(self.patience_s)}: {then}")
        sys.stderr.flush()
        os._exit(Exit.STOPPED_SAFE)

    def _rearm(self) -> None:
        now_s, limit_s = monotonic_s(), self.patience_s * DEEP_FACTOR
        if now_s - self._rearmed_s >= min(REARM_S, limit_s / 4) and self._file is not None:
            self._rearmed_s = now_s
            faulthandler.dump_traceback_later(limit_s, exit=True, file=self._file)

    def write_to(self, mark: Mark) -> None:
        """Have the last words of a process that hangs deeply written to a file."""
        self._file = mark.file
        self.post.note = mark.note


async def attend_with(watchdog: Watchdog, tape: Tape, keep: Keep) -> None:
    """Keep the process's seat while an actor hangs; at last report it and end the process.

    Returns when the actor comes back by itself.
    """
    while stuck_s := watchdog.stuck_s():
        await keep()
        if stuck_s >= watchdog.patience_s and (hang := watchdog.hang()) is not None:
            async with asyncio.timeout(REPORT_S):
                is_on_tape = await put_quarantine(tape, hang)
            said = "quarantined from there on" if is_on_tape else "another instance has handled it"
            watchdog.end(hang, said)
        await asyncio.sleep(LOOK_S)
