"""What a tape says about the desk that made it: certificates, and the settings in them.

Every actor certified its settings before it said anything. So a tape in a file is enough to run
its desk again, on a machine that has never seen its configuration.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from console.configuration import DeskConfiguration
from shared.config.desk import merge
from shared.core import Core
from shared.domain.errors import ConfigurationError
from shared.domain.values import NS_PER_S, Timeframe
from shared.messages.base import SCHEMA_VERSION, Message
from shared.messages.codec import decode
from shared.messages.lane import State
from shared.runtime.foresight import ForeseeingCore
from shared.subjects import AGGREGATED, matches
from shared.tape.archive import ArchiveTape
from shared.tape.entry import Entry
from shared.tape.interface import ReadableTape
from shared.tape.reading import read_all

_SPEAKERS = ("data", "broker", "execution", "risk", "strategy", "ledger")
_WANTED = (*(f"{service}.*.state" for service in _SPEAKERS), "control.>")

type Certificates = Mapping[str, tuple[int, State]]


class Survey(NamedTuple):
    """The newest certificate of every lane, with its sequence, and all commands.

    `schema` is the oldest schema version among these certificates.
    """

    certificates: Certificates
    commands: list[Entry]
    schema: int = SCHEMA_VERSION

    @property
    def native(self) -> Timeframe | None:
        """The timeframe of the feed's own bars, None when it has trades.

        The aggregator certified what it builds from, as in `data.file.bar.1m.>`.
        """
        aggregator = self.certificates.get(str(AGGREGATED))
        if aggregator is None:
            return None
        source = json.loads(aggregator[1].configuration)["source"]
        _, _, event, detail, *_ = source.split(".")
        return Timeframe(detail) if event == "bar" else None

    def foretell(self, core: Core) -> None:
        """Tell a core what is ahead of it (`shared.runtime.foresight`)."""
        if not isinstance(core, ForeseeingCore):
            return
        for entry in self.commands:
            if any(matches(pattern, entry.subject) for pattern in core.foresees):
                core.foresee(*entry.open())


async def survey(tape: ReadableTape) -> Survey:
    """Read certificates and commands in one pass; an archive knows where they stand."""
    certificates: dict[str, tuple[int, State]] = {}
    commands = []
    schemas: dict[str, int] = {}
    for entry in await _found(tape):
        message: Message = entry.open()[1]
        if isinstance(message, State):
            certificates[str(entry.lane)] = (entry.seq, message)
            schemas[str(entry.lane)] = decode(entry.payload)[0].v
        else:
            commands.append(entry)
    return Survey(certificates, commands, min(schemas.values(), default=SCHEMA_VERSION))


async def _found(tape: ReadableTape) -> Iterable[Entry]:
    if isinstance(tape, ArchiveTape):
        return [
            entry
            for entry in tape.of_desk()
            if any(matches(pattern, entry.subject) for pattern in _WANTED)
        ]
    return [entry async for entry in read_all(tape, _WANTED)]


def desk_of(
    certificates: Certificates, changes: Mapping[str, object] | None = None
) -> DeskConfiguration:
    """Return the settings that the actors of a tape certified last, with `changes` laid over.

    Raises ConfigurationError where there are none, or where this release does not take them.
    """
    told = _told(certificates)
    try:
        return DeskConfiguration.model_validate(merge(told, changes or {}))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        if changes:
            raise ConfigurationError(f"{place}: {first['msg']}") from None
        raise ConfigurationError(
            f"this tape was recorded with settings that this release does not take: {place}:"
            f" {first['msg']}; replay it with the release that made it"
        ) from None


def _told(certificates: Certificates) -> dict[str, Any]:
    told: dict[str, Any] = {"data": {}, "execution": {}, "ledger": {}, "strategies": {}}
    shards: dict[str, int] = {}
    for lane, (_, state) in certificates.items():
        service, _, actor = lane.partition(".")
        settings = json.loads(state.configuration)
        match service:
            case "risk":
                told |= {"book": actor, "risk": settings}
            case "execution":
                told["execution"]["broker"] = settings["broker"]
            case "broker":
                told["execution"]["paper"] = settings
            case "ledger":
                told["ledger"] = {"books": settings}
            case "strategy":
                name, _, shard = actor.partition("~")
                told["strategies"][name] = {k: v for k, v in settings.items() if k != "book"}
                shards[name] = int(shard.partition("of")[2] or 1)
            case _:
                told["data"] = _data(settings)
    if "risk" not in told:
        raise ConfigurationError("no desk has worked on this tape: nobody's risk stands on it")
    for name, count in shards.items():
        told["strategies"][name]["shards"] = count
    return told


def _data(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a feed's settings that decides which bars are built."""
    _, feed, *_ = settings["source"].split(".")
    return {
        "feed": feed,
        "timeframes": settings["timeframes"],
        "grace_s": settings["grace_ns"] / NS_PER_S,
    }
