"""Keeps actors whose code is a user's from harming their neighbours in a process.

A call that hangs is ended with the process (`watchdog`), calls that are too slow too often take
their actor out of service. Both enter the tape as a `quarantine`: what the wall clock decides is
a message like any other.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from shared.config.desk import HostingSettings
from shared.domain.errors import ConfigurationError, UnavailableError
from shared.runtime.actor import Actor
from shared.runtime.foresight import ForeseeingCore
from shared.runtime.hang import Mark, put_quarantine, put_slow, read_mark
from shared.runtime.watchdog import Attend, Post, Watchdog, Watched
from shared.subjects import Lane
from shared.tape.interface import FenceLostError, NoVerdictError, Tape

REPORTS_MAX = 100  # waiting for the tape; an actor that is as slow again is reported again
RETRY_S = 1.0


class Guard:
    """Watches the calls of one process."""

    def __init__(self, settings: HostingSettings, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._log = log
        self._slow: asyncio.Queue[tuple[Lane, int, float]] = asyncio.Queue(REPORTS_MAX)
        self._post = Post(settings.budget_s, self._on_slow)
        self._mark: Mark | None = None
        self._watchdog: Watchdog | None = None

    def over(self, actor: Actor) -> Actor:
        """Return the actor with every call of its core watched, if it can be quarantined."""
        if not isinstance(actor.core, ForeseeingCore):
            return actor
        return replace(actor, core=Watched(actor.core, self._post))

    async def report_last(self, tape: Tape, lanes: Sequence[Lane]) -> None:
        """Put on the tape what the last process of this place could not: see `watchdog`."""
        if self._settings.mark_file is None:
            return
        hang = read_mark(Path(self._settings.mark_file), lanes)
        if hang is None:
            return
        sentence = hang.sentence(self._settings.watchdog_s)
        try:
            await put_quarantine(tape, hang)
        except FenceLostError as error:
            self._log.warning("not quarantined", hung=sentence, why=str(error))
        else:
            self._log.warning("quarantined", hung=sentence)

    def start(self, attend: Attend) -> None:
        """Watch from here on the thread that calls this; ConfigurationError for a bad path."""
        self._watchdog = Watchdog(self._post, self._settings.watchdog_s, attend, self._log)
        if self._settings.mark_file is not None:
            try:
                self._mark = Mark(Path(self._settings.mark_file))
            except OSError as error:
                raise ConfigurationError(
                    f"hosting.mark_file: {self._settings.mark_file} cannot be written:"
                    f" {error.strerror}"
                ) from None
            self._watchdog.write_to(self._mark)
        self._watchdog.start()

    def stop(self) -> None:
        """Watch no longer."""
        if self._watchdog is not None:
            self._watchdog.stop()
        if self._mark is not None:
            self._mark.remove()

    async def run(self, tape: Tape) -> None:
        """Put reports of slow actors on the tape, until cancelled."""
        while True:
            speaker, seq, took_s = await self._slow.get()
            self._log.warning("too slow", actor=str(speaker), seq=seq, took_s=round(took_s, 3))
            try:
                await put_slow(tape, speaker, seq, took_s, self._settings.budget_s)
            except (UnavailableError, NoVerdictError) as error:
                self._log.warning("the slow actor is not reported yet", error=str(error))
                self._on_slow(speaker, seq, took_s)
                await asyncio.sleep(RETRY_S)

    def _on_slow(self, speaker: Lane, seq: int, took_s: float) -> None:
        if not self._slow.full():
            self._slow.put_nowait((speaker, seq, took_s))
