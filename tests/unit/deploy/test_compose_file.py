"""What docker-compose.yml promises, read without an engine."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from shared.config.desk import DeskSettings
from shared.permissions import USERS
from tests.tidy.code import ROOT

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
CONTAINERS: dict[str, Any] = COMPOSE["services"]
SERVICES = ("data", "strategy", "risk", "execution", "ledger")
LONG_RUNNING = (
    *SERVICES, "nats", "postgres", "postgres-2", "prometheus", "grafana", "otel-collector",
)  # fmt: skip
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def volumes(name: str) -> dict[str, str]:
    """Return what is mounted where, by volume."""
    pairs = [re.sub(r"\$\{[^}]*\}", "x", entry).split(":") for entry in CONTAINERS[name]["volumes"]]
    return {pair[0]: ":".join(pair[1:]) for pair in pairs}


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_container_runs_without_rights_on_a_file_system_it_cannot_write(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in container


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_runs_for_long_is_bounded_and_comes_back(name: str) -> None:
    limits = CONTAINERS[name]["deploy"]["resources"]["limits"]
    assert limits["memory"]
    assert limits["cpus"]
    assert CONTAINERS[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", CONTAINERS)
def test_ports_are_for_this_machine_alone(name: str) -> None:
    for port in CONTAINERS[name].get("ports", ()):
        assert port.startswith("127.0.0.1:")


@pytest.mark.parametrize("name", [*SERVICES, "console"])
def test_a_service_mounts_its_own_secret_and_no_other(name: str) -> None:
    keys = [volume for volume in volumes(name) if volume.startswith("key-")]
    assert keys == [f"key-{name}"]
    assert volumes(name)[keys[0]] == f"/secrets/{name}:ro"


def test_each_user_of_the_tape_has_a_volume_of_his_own() -> None:
    made = volumes("keys")
    folders = re.search(r"for user in ([a-z ]+);", DOCKERFILE)
    assert folders is not None
    assert set(folders[1].split()) == set(USERS)
    for user in USERS:
        assert made[f"key-{user}"] == f"/secrets/{user}"


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_when_the_desk_is_prepared(name: str) -> None:
    waits = CONTAINERS[name]["depends_on"]
    assert waits["init"] == {"condition": "service_completed_successfully"}
    assert waits["nats"] == {"condition": "service_healthy"}
    assert ("postgres" in waits) == (name == "ledger")


def test_no_secret_stands_in_an_environment() -> None:
    for name, container in CONTAINERS.items():
        for key, value in container.get("environment", {}).items():
            assert not re.search(r"PASSWORD$|NKEY_SEED$|SECRET|TOKEN", key), (name, key)
            assert not re.search(r"://[^@/]*:[^@/]+@", str(value)), (name, key)


def test_settings_that_are_passed_on_exist() -> None:
    known = set(DeskSettings.model_fields)
    for container in CONTAINERS.values():
        for key in container.get("environment", {}):
            if key.startswith("TAPEDECK__"):
                assert key.removeprefix("TAPEDECK__").split("__")[0].lower() in known


def test_every_variable_of_the_compose_file_is_described() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    used = set(re.findall(r"\$\{([A-Z_]+)", text))
    used |= set(re.findall(r"^  (TAPEDECK__[A-Z_]+):$", text, re.MULTILINE))
    described = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE))
    assert used == described - {"COMPOSE_PROFILES"}  # which Compose itself reads


def test_only_the_public_base_images_are_needed_for_a_desk() -> None:
    needed = {
        container["image"]
        for container in CONTAINERS.values()
        if "profiles" not in container and not container["image"].startswith("tapedeck/")
    }
    assert needed == {"nats:2.15-alpine", "postgres:18-alpine"}
    assert "ARG PYTHON_IMAGE=python:3.13-slim" in DOCKERFILE
    assert not DOCKERFILE.startswith("# syntax")


def test_what_is_built_here_is_never_pulled_from_somebody_else() -> None:
    for name, container in CONTAINERS.items():
        if container["image"].startswith("tapedeck/"):
            assert container["pull_policy"] == "never", name


def test_the_images_label_is_the_release() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"ARG RELEASE={project['version']}\n" in DOCKERFILE


def test_what_is_built_by_the_operators_console_is_built_once() -> None:
    built = [name for name, container in CONTAINERS.items() if "build" in container]
    images = [CONTAINERS[name]["image"] for name in built]
    assert len(set(images)) == len(images)
    assert {CONTAINERS[name]["build"]["args"]["SERVICE"] for name in built} == {
        *SERVICES,
        "console",
    }
