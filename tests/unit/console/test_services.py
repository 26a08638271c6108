import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from console.services import ServiceProcess, ask_health
from shared.runtime.health import HealthServer, Readiness
from shared.telemetry.metrics import Metrics


@pytest.fixture
def service(tmp_path: Path) -> ServiceProcess:
    return ServiceProcess("risk", tmp_path, {})


def write_log(service: ServiceProcess, *lines: object) -> None:
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    service.log_path.write_text("\n".join(texts) + "\n")


def test_the_port_is_what_the_log_says(service: ServiceProcess) -> None:
    assert service.port == 0
    write_log(service, "noise", {"event": "serving", "health_port": 4711})
    assert service.port == 4711


def test_the_last_words_are_the_critical_ones(service: ServiceProcess) -> None:
    write_log(
        service,
        {"level": "critical", "event": "stopped", "error": "an older one"},
        {"level": "critical", "event": "stopped", "error": "the port is taken"},
        {"level": "info", "event": "bye"},
    )
    assert service.last_words(3) == "the port is taken"


def test_a_traceback_ends_with_what_happened(service: ServiceProcess) -> None:
    write_log(service, "Traceback (most recent call last):", "ImportError: no module", "")
    assert service.last_words(1) == "ImportError: no module"


def test_a_signal_and_silence_are_said(service: ServiceProcess) -> None:
    assert service.last_words(-9) == "ended by SIGKILL"
    assert service.last_words(0) == "it was told to end, but not by the desk"
    assert service.last_words(1).startswith("ended without a word, see ")


def test_the_log_of_the_run_before_is_kept(service: ServiceProcess, tmp_path: Path) -> None:
    async def scenario() -> int:
        await service.start()
        return await service.wait()

    write_log(service, "of the run before")
    # Without an environment there is no service to be found: it ends at once.
    assert asyncio.run(scenario()) != 0
    assert (tmp_path / "risk.log.1").read_text() == "of the run before\n"
    assert "of the run before" not in service.log_path.read_text()
    assert not service.is_running


def test_a_service_that_never_ran_is_stopped_already(service: ServiceProcess) -> None:
    assert asyncio.run(service.stop(1)) is True
    service.kill()
    assert asyncio.run(service.health()) is None


def test_health_is_asked_over_http() -> None:
    async def scenario() -> tuple[object, object]:
        readiness = Readiness("risk", "1", 30)
        readiness.set("tape", ok=True)
        async with HealthServer("127.0.0.1", 0, readiness, Metrics("risk", "1")) as server:
            answer = await ask_health(server.port)
        return answer, await ask_health(server.port)

    answer, nobody = asyncio.run(scenario())
    assert msgspec.to_builtins(answer)["ready"] is True
    assert nobody is None
