"""From exec to ready, and what a service that idles keeps in memory."""

import psutil

from bench.report import Row, show
from bench.stand import stand
from console.services import SERVICES, ServiceProcess

ROUNDS = 3
_EXTRA = {"data": {"DATA__SPEED": "1x"}}


async def measure() -> None:
    """Start each service a few times on its own; the best counts, as for a warm disk."""
    rows = []
    async with stand() as bench:
        for name in SERVICES:
            ready_s, resident_mb = [], 0.0
            for _ in range(ROUNDS):
                took_s, service = await bench.start(name, _EXTRA.get(name, {}))
                ready_s.append(took_s)
                resident_mb = _resident_mb(service)
                await bench.stop([service])
            measured = f"{min(ready_s):.2f} s, {resident_mb:.0f} MB"
            rows.append(Row(name, measured, target="2 s, 60 MB"))
    show("Services, from exec to ready, and resident memory", rows)


def _resident_mb(service: ServiceProcess) -> float:
    return float(psutil.Process(service.pid).memory_info().rss) / 1e6
