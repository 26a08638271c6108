"""A round in which the broker is far away, behind the real gate (`shared.runtime.gate`)."""

import asyncio
from bisect import bisect_right
from collections.abc import Iterator
from functools import partial
from random import Random
from typing import override

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.errors import UnavailableError
from shared.messages.broker import Refused, Report, Sending
from shared.messages.control import Kill
from shared.messages.market import CorporateAction
from shared.messages.orders import Submitting
from shared.runtime.gate import BrokerGate, GateSettings
from shared.runtime.source import TimeSlice
from shared.tape.entry import fact
from shared.tape.interface import NoVerdictError
from tests.simulation.auditor import Stops
from tests.simulation.broker import Exchange, SimVenue
from tests.simulation.evidence import Breach, Evidence
from tests.simulation.link import Link
from tests.simulation.log import SYNC_S, wall_ns
from tests.simulation.operators import CONSOLE
from tests.simulation.processes import Process
from tests.simulation.world import World

MINUTE_NS = 60_000_000_000
SETTINGS = GateSettings(
    send_within_s=0.3,
    sync_s=SYNC_S,
    snapshot_s=0.3,
    cancel_after_s=0.8,
    cancel_again_s=0.4,
)
TAKEOVER_S = 1.2
LOOK_S_MAX = SETTINGS.send_within_s  # a POST is given up when its last look is older


class MarketClock:
    """Market time as wall time, as it is live: a slice lasts `slice_s` and is a minute."""

    def __init__(self, parts: list[TimeSlice], slice_s: float) -> None:
        self._parts = parts
        self._slice_s = slice_s

    def wall_ns(self) -> int:
        """Return the market's time."""
        place = self.passed_s() / self._slice_s
        at = min(int(place), len(self._parts) - 1)
        return self._parts[at].ts_ns + int((place - at) * MINUTE_NS)

    def passed_s(self) -> float:
        """Return virtual time."""
        return asyncio.get_running_loop().time()


class Posting(Struct, frozen=True):
    """One order that the gate has let out, and when."""

    client_order_id: str
    at_s: float


class RemoteWorld(World):
    """The paper broker's place is taken by a gate, or two, before a broker that loses answers."""

    def __init__(self, seed: int, minutes: int = 24) -> None:
        super().__init__(seed, minutes)
        del self.makers["broker.main"]
        self.parts = [_without_actions(part) for part in self.parts]
        self.exchange = Exchange(draw=Random(self.draw.random()), rejects=self.draw.random() < 0.5)
        self.slice_s = self.draw.choice((0.15, 0.4))  # an order has minutes of the market to leave
        self.clock = MarketClock(self.parts, self.slice_s)
        self.gates: list[Process] = []
        self.postings: list[Posting] = []
        self.gate_class = BrokerGate
        self.drill_odds = 0.3

    @override
    def _start_more(self, group: asyncio.TaskGroup) -> None:
        count = self.draw.choice((1, 1, 2))
        settings = SETTINGS
        if count == 2 and self.draw.random() < 0.8:
            settings = replace(SETTINGS, takeover_s=TAKEOVER_S)
        for number in range(count):
            process = Process(f"gate#{number + 1}", self.weather)
            self.processes.append(process)
            self.gates.append(process)
            group.create_task(process.supervise(partial(self._guard, settings)))

        if self.draw.random() < self.drill_odds:
            group.create_task(self._drill(Random(self.draw.random())))

    async def _drill(self, draw: Random) -> None:
        """Kill while the gate hangs with an order in hand, and execution cannot cancel it."""
        await asyncio.sleep(draw.uniform(0.3, self.duration_s))
        execution = [one for one in self.processes if one.name.startswith("execution")]
        self._tell_story("drill: the gate hangs, execution hangs, a kill, the gate goes on")
        self._hang(self.gates, hang=True)
        await asyncio.sleep(draw.uniform(0.1, 0.6))
        self._hang(execution, hang=True)
        link = Link(self.log, Process("drill", self.weather), self.weather.fair())
        now_ns = wall_ns(asyncio.get_running_loop().time())
        kill = fact(self.log.id, CONSOLE, Kill(reason="drill"), ts_ns=now_ns, key="drill")
        try:
            await link.tell(kill, once_id="drill")
        except (UnavailableError, NoVerdictError):
            self._tell_story("drill: the kill did not reach the tape")
        await asyncio.sleep(2 * LOOK_S_MAX)
        self._hang(self.gates, hang=False)
        await asyncio.sleep(0.5)
        self._hang(execution, hang=False)

    @staticmethod
    def _hang(processes: list[Process], *, hang: bool) -> None:
        for process in processes:
            if hang:
                process.freeze()
            else:
                process.thaw()

    async def _guard(self, settings: GateSettings, process: Process) -> None:
        gate = self.gate_class(
            "main",
            Link(self.log, process, self.weather),
            SimVenue(self.exchange, process, self.weather, self._note),
            settings=settings,
            is_latched=lambda: False,
            name="far away",
            clock=self.clock,
        )
        process.on_stop(gate.stop)
        await gate.run()

    def _note(self, client_order_id: str) -> None:
        self.postings.append(Posting(client_order_id, asyncio.get_running_loop().time()))

    @override
    def _is_word(self, subject: str) -> bool:
        # The gate says that it is alive for as long as it is.
        return not subject.startswith(("broker.main.snapshot", "execution.main.account"))

    @override
    async def _close(self) -> None:
        for gate in self.gates:
            gate.end()
        await asyncio.sleep(1.0)


def _without_actions(part: TimeSlice) -> TimeSlice:
    """A split is the broker's business there, and this one knows of none."""
    kept = tuple(one for one in part.messages if not isinstance(one, CorporateAction))
    return TimeSlice(part.ts_ns, kept)


def check_gate(evidence: Evidence, world: RemoteWorld) -> Iterator[Breach]:
    """Yield what is wrong between the tape and the broker."""
    yield from check_sendings(evidence, world)
    yield from check_executions(evidence, world)
    yield from check_stops(evidence, world)


def check_sendings(evidence: Evidence, world: RemoteWorld) -> Iterator[Breach]:
    """INV-SENDING: what left was on the tape, and on its disk, before; no order came in twice, and
    none was forgotten.
    """
    sendings: dict[str, list[float]] = {}
    refused = {refused.client_order_id for _, refused in evidence.of(Refused)}
    ended = {r.client_order_id for _, r in evidence.of(Report) if r.kind != "fill"}
    for said, sending in evidence.of(Sending):
        sendings.setdefault(sending.client_order_id, []).append(world.log.taken_s[said.seq - 1])
    for posting in world.postings:
        known_s = min(sendings.get(posting.client_order_id, [float("inf")]))
        if posting.at_s < known_s + 2 * SYNC_S - 1e-9:
            text = f"{posting.client_order_id} left at {posting.at_s:.4f} s, known {known_s:.4f} s"
            yield Breach("INV-SENDING", 0, text)
    for name, held in world.exchange.orders.items():
        if len(held.arrived_s) > 1:
            yield Breach("INV-SENDING", 0, f"{name} came in {len(held.arrived_s)} times")
    for submitted, order in evidence.of(Submitting):
        name = order.client_order_id
        if name not in sendings and name not in refused and name not in ended:
            yield Breach("INV-SENDING", submitted.seq, f"{name} was neither sent nor refused")


def check_executions(evidence: Evidence, world: RemoteWorld) -> Iterator[Breach]:
    """INV-EXECUTION: the tape has the broker's executions, each once, and no other."""
    reported = [
        (report.execution_id, report.client_order_id, report.quantity, report.price)
        for _, report in evidence.of(Report)
        if report.kind == "fill"
    ]
    happened = [
        (x.execution_id, x.client_order_id, x.quantity, x.price) for x in world.exchange.executions
    ]
    if sorted(reported) != sorted(happened):
        missing = sorted(set(happened) ^ set(reported))
        yield Breach("INV-EXECUTION", 0, f"differ: {missing[:3]}, {len(reported)} reported")


def check_stops(evidence: Evidence, world: RemoteWorld) -> Iterator[Breach]:
    """INV-KILL: nothing leaves for the broker while a kill stands on the tape."""
    stops = Stops()
    in_force: list[int] = []
    for one in evidence.facts:
        stops.take(one, [])
        in_force.append(stops.killed_seq)
    for posting in world.postings:
        seen = bisect_right(world.log.taken_s, posting.at_s - LOOK_S_MAX)
        stands = bisect_right(world.log.taken_s, posting.at_s)
        if seen and in_force[seen - 1] and in_force[seen - 1] == in_force[stands - 1]:
            text = f"{posting.client_order_id} left after the kill at {in_force[seen - 1]}"
            yield Breach("INV-KILL", stands, text)
