"""Operators who command at random moments: in time, late, twice, expired, or of an older state."""

import asyncio
from random import Random

from msgspec import Struct

from shared.domain.errors import UnavailableError
from shared.messages.control import (
    Activate,
    Cancel,
    Command,
    Deactivate,
    Flatten,
    Kill,
    Resume,
    SetLimit,
)
from shared.subjects import lane
from shared.tape.entry import Outgoing, fact
from shared.tape.interface import NoVerdictError
from tests.simulation.link import Link
from tests.simulation.log import Log, wall_ns

CONSOLE = lane("control", "console")
PAUSE_S = 0.05
_S = 1_000_000_000
_LIMITS = (
    ("max_open_positions", "1"),
    ("max_order_fraction", "0.2"),
    ("position_fraction", "0.1"),
    ("max_order_notional", "500"),
    ("max_working_orders", "none"),
    ("no_such_limit", "1"),
)


class Order(Struct, frozen=True):
    """One command and when it is told. `again_s` has it told once more, past the window."""

    at_s: float
    kind: str
    again_s: float | None


def plan(draw: Random, duration_s: float) -> list[Order]:
    """Draw the commands of a round; a kill is mostly followed by a resume."""
    orders = []
    for _ in range(draw.choice((0, 0, 2, 5, 9))):
        kind = draw.choice(
            ("kill", "resume", "resume", "flatten", "cancel", "set_limit", "activate", "deactivate")
        )
        again_s = draw.uniform(0.0, 1.0) if draw.random() < 0.3 else None
        at_s = draw.uniform(0.0, duration_s)
        orders.append(Order(at_s, kind, again_s))
        if kind in ("kill", "flatten", "deactivate") and draw.random() < 0.7:
            back = "activate" if kind == "deactivate" else "resume"
            orders.append(Order(at_s + draw.uniform(0.05, 0.8), back, None))
    return sorted(orders, key=lambda order: order.at_s)


class Operator:
    """Carries a plan out over a connection of its own."""

    def __init__(self, link: Link, strategies: list[str], draw: Random) -> None:
        self._link = link
        self._strategies = strategies
        self._draw = draw
        self.told: list[tuple[str, int]] = []

    async def follow(self, orders: list[Order]) -> None:
        """Give every command at its time."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as group:
            for number, order in enumerate(orders):
                await asyncio.sleep(max(order.at_s - loop.time(), 0.0))
                command = self._command(order.kind, loop.time())
                out = fact(
                    self._link.id,
                    CONSOLE,
                    command,
                    ts_ns=wall_ns(loop.time()),
                    key=f"command/{number}",
                )
                text = f"operator: {command}"
                self._link.weather.tell(loop.time(), text)
                group.create_task(self._tell(out, f"command/{number}"))
                if order.again_s is not None:
                    group.create_task(self._tell(out, f"again/{number}", order.again_s))

    async def _tell(self, out: Outgoing, once_id: str, after_s: float = 0.0) -> None:
        """Say it until it is taken, as a console does."""
        await asyncio.sleep(after_s)
        while True:
            try:
                await self._link.tell(out, once_id=once_id)
            except (UnavailableError, NoVerdictError):
                await asyncio.sleep(PAUSE_S)
            else:
                return

    def _command(self, kind: str, now_s: float) -> Command:
        draw, log = self._draw, self._link.log
        seen = draw.choice((log.last_seq, log.last_seq, 0, draw.randint(0, log.last_seq)))
        until_ns = draw.choice((0, wall_ns(now_s) + _S, wall_ns(now_s) + _S // 100))
        name = draw.choice(self._strategies)
        key, value = draw.choice(_LIMITS)
        order_id = _an_order(log, draw)
        commands: dict[str, Command] = {
            "kill": Kill(reason="a drill"),
            "resume": Resume(expected_seq=seen, valid_until_ns=until_ns),
            "flatten": Flatten(valid_until_ns=until_ns),
            "cancel": Cancel(order_id=order_id, valid_until_ns=until_ns),
            "set_limit": SetLimit(key=key, value=value, expected_seq=seen, valid_until_ns=until_ns),
            "activate": Activate(strategy_id=name, expected_seq=seen, valid_until_ns=until_ns),
            "deactivate": Deactivate(strategy_id=name),
        }
        return commands[kind]


def _an_order(log: Log, draw: Random) -> str:
    ids = [
        str(getattr(entry.open()[1], "order_id", ""))
        for entry in log.entries[-60:]
        if entry.subject.startswith("execution.main.submitting.")
    ]
    return draw.choice(ids) if ids else "no-such-order"
