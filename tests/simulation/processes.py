"""Processes that start, crash, freeze, are stopped for long and start again, until it is over."""

import asyncio
from collections.abc import Awaitable, Callable

from shared.domain.errors import UnavailableError
from shared.runtime.exits import first_of
from shared.tape.interface import FenceLostError, NoVerdictError, TapeFullError
from tests.simulation.weather import Weather

WORLDLY = (UnavailableError, NoVerdictError, TapeFullError, FenceLostError)
"""What a process may end with and simply be started again; anything else is a bug."""
RESTART_S = 0.05


class Process:
    """One life after another of one process. `body` is made anew for each life."""

    def __init__(self, name: str, weather: Weather) -> None:
        self.name = name
        self.lives = 0
        self.rest_s = 0.0  # how long the next start waits beyond the usual
        self._weather = weather
        self._is_dead = False
        self._thawed: asyncio.Event | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop: Callable[[], None] | None = None
        self.is_over = False

    @property
    def is_alive(self) -> bool:
        """True while its code may run, frozen or not."""
        return self._task is not None and not self._is_dead

    @property
    def is_frozen(self) -> bool:
        """True while it is stopped as by SIGSTOP."""
        return self._is_dead or self._thawed is not None

    async def breathe(self) -> None:
        """Pass at once; when thawed, if frozen; the dead never pass."""
        if self._is_dead:
            raise asyncio.CancelledError
        while self._thawed is not None:
            await self._thawed.wait()

    def crash(self, why: str = "", rest_s: float = 0.0) -> None:
        """End as by SIGKILL: no handler runs, whatever it has in memory is gone."""
        if self._task is None or self._is_dead:
            return
        if why:
            self._weather.tell(asyncio.get_running_loop().time(), f"{self.name}: {why}")
        self._weather.counts["crash"] += 1
        self._is_dead = True
        self.rest_s = rest_s
        self._task.cancel()

    def freeze(self) -> None:
        """Stop as by SIGSTOP."""
        if self._thawed is None:
            self._thawed = asyncio.Event()

    def thaw(self) -> None:
        """Go on as by SIGCONT."""
        thawed, self._thawed = self._thawed, None
        if thawed is not None:
            thawed.set()

    def end(self) -> None:
        """Let it end in order and not start again."""
        self.is_over = True
        self.thaw()
        if self._stop is not None:
            self._stop()

    def on_stop(self, stop: Callable[[], None]) -> None:
        """Say how this life is asked to end."""
        self._stop = stop
        if self.is_over:
            stop()

    async def supervise(self, body: Callable[["Process"], Awaitable[None]]) -> None:
        """Start it again whenever it ends, as a supervisor does."""
        while not self.is_over:
            self._is_dead, self._stop = False, None
            self.lives += 1
            try:
                async with asyncio.TaskGroup() as group:
                    self._task = group.create_task(self._live(body))
            except* WORLDLY as error:
                text = f"{self.name}: ended: {first_of(error)}"
                self._weather.tell(asyncio.get_running_loop().time(), text)
            self._task = None
            rest_s, self.rest_s = self.rest_s, 0.0
            if not self.is_over:
                await asyncio.sleep(RESTART_S + rest_s)

    async def _live(self, body: Callable[["Process"], Awaitable[None]]) -> None:
        await body(self)
