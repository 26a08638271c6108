"""The health check of the images, against the services' own health server."""

import asyncio
import importlib.util
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import ModuleType

import pytest

from shared.config.desk import HealthSettings
from shared.runtime.health import HealthServer, Readiness
from shared.telemetry.metrics import Metrics
from tests.tidy.code import ROOT

SCRIPT = ROOT / "deploy" / "probe.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("probe", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@asynccontextmanager
async def a_service(readiness: Readiness) -> AsyncIterator[int]:
    async with HealthServer("127.0.0.1", 0, readiness, Metrics("risk", "0")) as server:
        yield server.port


async def probe(port: int, service: str = "risk") -> tuple[int | None, str]:
    """Run the script as a container does: isolated, with nothing of the project to import."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(SCRIPT)),
        env={"TAPEDECK_SERVICE": service, f"TAPEDECK__HEALTH__{service.upper()}_PORT": str(port)},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode().strip()


def test_a_service_that_is_ready_is_well() -> None:
    async def scenario() -> None:
        readiness = Readiness("risk", "0", stale_after_s=9)
        readiness.set("tape", ok=True)
        async with a_service(readiness) as port:
            assert await probe(port) == (0, "")

    asyncio.run(scenario())


def test_one_that_is_not_says_what_is_wrong() -> None:
    async def scenario() -> None:
        readiness = Readiness("risk", "0", stale_after_s=9)
        async with a_service(readiness) as port:
            assert await probe(port) == (1, "risk is not ready: nothing has been checked yet")
            readiness.set("tape", ok=False, detail="connecting")
            readiness.set("risk.main", ok=True)
            assert await probe(port) == (1, "risk is not ready: tape: connecting")

    asyncio.run(scenario())


def test_nobody_there_is_not_well() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, said = asyncio.run(probe(port))

    assert code == 1
    assert said.startswith("risk does not answer: ")


def test_a_job_has_no_health_and_is_always_well() -> None:
    assert asyncio.run(probe(1, "console")) == (0, "")


@pytest.mark.parametrize("body", ["", "[]", '{"checks": 3}', '{"checks": {"tape": 1}}'])
def test_rubbish_is_no_report(body: str) -> None:
    assert load().complaint(body) == "an answer that is no report"


def test_it_knows_the_ports_that_services_have_without_configuration() -> None:
    health = HealthSettings()
    for service, port in load().PORTS.items():
        assert getattr(health, f"{service}_port") == port
