"""One instance's part of the actors follows the list of live members."""

import asyncio
from collections.abc import Sequence

import structlog

from shared.runtime.actor import Actor, Rank
from shared.runtime.health import Readiness
from shared.runtime.members import owner_of
from shared.runtime.sharing import Sharing
from shared.subjects import Lane
from tests import toy

NAMES = [f"s{number}" for number in range(8)]


def actors() -> list[Actor]:
    return [toy.actor(toy.ToyStrategy(name, 1), Rank.STRATEGY) for name in NAMES]


class FakeMembers:
    """A list of members that a test changes; `holder` has the lockstep run."""

    instance = "me"
    pause_s = 0.001

    def __init__(self) -> None:
        self.live: tuple[str, ...] = ("me",)
        self.holder = "me"
        self.has_left = False

    async def look(self) -> Sequence[str]:
        return self.live

    async def claim(self) -> str:
        return self.holder

    async def leave(self) -> None:
        self.has_left = True


class FakeHosted:
    """Hosts by writing it down."""

    def __init__(self) -> None:
        self.actors: dict[Lane, Actor] = {}

    @property
    def lanes(self) -> tuple[Lane, ...]:
        return tuple(self.actors)

    def start(self, actor: Actor) -> None:
        assert actor.core.lane not in self.actors
        self.actors[actor.core.lane] = actor

    def release(self, lane: Lane) -> None:
        del self.actors[lane]


class Bench:
    def __init__(self) -> None:
        self.members, self.hosted = FakeMembers(), FakeHosted()
        self.readiness = Readiness("strategy", "0", stale_after_s=9)
        self.sharing = Sharing(
            self.members,  # type: ignore[arg-type]
            self.hosted,  # type: ignore[arg-type]
            actors, self.readiness, structlog.get_logger(),
        )  # fmt: skip

    def owned_by(self, *live: str) -> set[Lane]:
        return {one for one in self.sharing.lanes if owner_of(one, live) == "me"}


def test_actors_come_and_go_with_the_members() -> None:
    async def scenario() -> None:
        bench = Bench()
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.sharing.run())
            await asyncio.sleep(0.02)
            assert set(bench.hosted.lanes) == bench.owned_by("me")
            assert len(bench.hosted.lanes) == len(NAMES)
            bench.members.live = ("me", "other")
            await asyncio.sleep(0.02)
            assert set(bench.hosted.lanes) == bench.owned_by("me", "other")
            kept = dict(bench.hosted.actors)
            bench.members.live = ("me",)
            await asyncio.sleep(0.02)
            assert len(bench.hosted.lanes) == len(NAMES)
            for one, actor in kept.items():
                assert bench.hosted.actors[one] is actor, "it had no reason to move"
            running.cancel()
        assert bench.readiness.report().checks["members"].detail == "1 live, hosts 8 of 8"

    asyncio.run(scenario())


def test_in_lockstep_one_instance_hosts_everything_and_the_other_says_why_it_waits() -> None:
    async def scenario() -> None:
        bench = Bench()
        bench.members.holder = "other"
        async with asyncio.TaskGroup() as group:
            running = group.create_task(bench.sharing.run_alone())
            await asyncio.sleep(0.02)
            assert bench.hosted.lanes == ()
            check = bench.readiness.report().checks["lockstep"]
            assert not check.ok
            assert "one instance of each service, and that is other" in check.detail
            bench.members.holder = "me"
            await asyncio.sleep(0.02)
            assert len(bench.hosted.lanes) == len(NAMES)
            running.cancel()
        await bench.sharing.leave()
        assert bench.members.has_left

    asyncio.run(scenario())
