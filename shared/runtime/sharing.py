"""Shares a service's actors out among its instances, while they come and go.

This instance hosts the actors that it owns by its own view of the live members (`members`). One
that it does not own any more is stopped after the message in hand; one that it owns now is made
anew and recovers from the tape, as at any start.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from structlog.typing import FilteringBoundLogger

from shared.runtime.actor import Actor
from shared.runtime.health import Readiness
from shared.runtime.hosted import Hosted
from shared.runtime.members import Members, owner_of
from shared.subjects import Lane


class Sharing:
    """One instance's part of a service's actors. `remake` returns all of them, fresh."""

    def __init__(
        self,
        members: Members,
        hosted: Hosted,
        remake: Callable[[], Sequence[Actor]],
        readiness: Readiness,
        log: FilteringBoundLogger,
    ) -> None:
        self._members = members
        self._hosted = hosted
        self._remake = remake
        self._readiness = readiness
        self._log = log
        self.lanes = [actor.core.lane for actor in remake()]
        self._seen: tuple[str, ...] = ()

    async def run(self) -> None:
        """Host what is ours, until cancelled."""
        while True:
            self._settle(await self._members.look())
            await asyncio.sleep(self._members.pause_s)

    async def run_alone(self) -> None:
        """Host everything, as lockstep wants it, once no other instance does; until cancelled."""
        holder = ""
        while True:
            found = await self._members.claim()
            if found == self._members.instance:
                self._host(self.lanes)
                self._readiness.set("lockstep", ok=True, detail="the one instance")
            elif found != holder:
                sentence = (
                    "lockstep has one instance of each service, and that is"
                    f" {found}: this one waits for its end"
                )
                self._readiness.set("lockstep", ok=False, detail=sentence)
                self._log.warning("waits", why=sentence)
            holder = found
            await asyncio.sleep(self._members.pause_s)

    async def leave(self) -> None:
        """Hand over now: first the key, so that the others take over while we stop."""
        await self._members.leave()

    def _settle(self, live: Sequence[str]) -> None:
        ours = [lane for lane in self.lanes if owner_of(lane, live) == self._members.instance]
        for lane in self._hosted.lanes:
            if lane not in ours:
                self._hosted.release(lane)
        self._host(ours)
        told = f"{len(live)} live, hosts {len(ours)} of {len(self.lanes)}"
        self._readiness.set("members", ok=True, detail=told)
        if tuple(live) != self._seen:
            self._seen = tuple(live)
            self._log.info("members", live=list(live), hosts=[str(lane) for lane in ours])

    def _host(self, lanes: Iterable[Lane]) -> None:
        missing = [lane for lane in lanes if lane not in self._hosted.lanes]
        if missing:
            fresh = {actor.core.lane: actor for actor in self._remake()}
            for lane in missing:
                self._hosted.start(fresh[lane])
