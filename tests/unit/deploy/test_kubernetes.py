"""The manifests, checked against the API's schemas without a cluster."""

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from console.provision import make_keys
from shared.config.desk import HealthSettings
from tests.tidy.code import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
SERVICES = ("data", "strategy", "risk", "execution", "ledger")
API = "1.34"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text("utf-8"))


def manifests(text: str) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(text) if document]


def committed() -> list[dict[str, Any]]:
    texts = ((FOLDER / name).read_text(encoding="utf-8") for name in KUSTOMIZATION["resources"])
    return list(itertools.chain.from_iterable(map(manifests, texts)))


def name_of(document: Mapping[str, Any]) -> str:
    return f"{document['kind']}/{document['metadata']['name']}"


MANIFESTS = committed()
WORKLOADS = [one for one in MANIFESTS if one["kind"] in ("Deployment", "StatefulSet", "Job")]
PODS = {name_of(one): one["spec"]["template"] for one in WORKLOADS}


def containers(pod: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield from pod["spec"].get("initContainers", ())
    yield from pod["spec"]["containers"]


@pytest.mark.parametrize("document", MANIFESTS, ids=name_of)
def test_a_manifest_is_what_the_api_takes(document: dict[str, Any]) -> None:
    kubernetes_validate.validate(document, API, strict=True)


def test_every_file_is_taken_up() -> None:
    written = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(KUSTOMIZATION["resources"]) == written


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_no_right_to_spare_and_says_what_it_needs(name: str) -> None:
    spec = PODS[name]["spec"]
    assert spec["automountServiceAccountToken"] is False
    if name != "StatefulSet/postgres":
        assert spec["securityContext"]["runAsNonRoot"] is True
    for container in containers(PODS[name]):
        security = container["securityContext"]
        assert security["readOnlyRootFilesystem"] is True
        assert security["allowPrivilegeEscalation"] is False
        assert security["capabilities"]["drop"] == ["ALL"]
        assert container["resources"]["requests"]["memory"]
        assert container["resources"]["limits"]["memory"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_probed_where_it_answers_and_keeps_one_instance(service: str) -> None:
    port = getattr(HealthSettings(), f"{service}_port")
    found = {name_of(one): one for one in MANIFESTS}
    deployment = found[f"Deployment/{service}"]["spec"]
    container = deployment["template"]["spec"]["containers"][0]

    assert deployment["replicas"] == 2
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert container["ports"] == [{"name": "health", "containerPort": port}]
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert found[f"PodDisruptionBudget/{service}"]["spec"]["minAvailable"] == 1
    assert found[f"Service/{service}"]["spec"]["ports"][0]["port"] == port


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_mounts_its_own_key_and_no_other(service: str) -> None:
    spec = PODS[f"Deployment/{service}"]["spec"]
    keys = [volume["secret"]["secretName"] for volume in spec["volumes"] if "secret" in volume]
    assert keys == [f"key-{service}"]


@pytest.mark.parametrize("name", PODS)
def test_what_is_mounted_exists(name: str) -> None:
    spec = PODS[name]["spec"]
    declared = {volume["name"] for volume in spec.get("volumes", ())}
    owner = next(one for one in WORKLOADS if name_of(one) == name)
    claims = owner["spec"].get("volumeClaimTemplates", ())
    declared |= {claim["metadata"]["name"] for claim in claims}
    generated = {one["name"] for one in KUSTOMIZATION["secretGenerator"]}

    for container in containers(PODS[name]):
        assert {mount["name"] for mount in container["volumeMounts"]} <= declared
    for volume in spec.get("volumes", ()):
        if "secret" in volume:
            assert volume["secret"]["secretName"] in generated


def test_a_budget_and_a_service_select_a_pod_that_exists() -> None:
    labels = [set(pod["metadata"]["labels"].items()) for pod in PODS.values()]
    for document in MANIFESTS:
        if document["kind"] in ("Service", "PodDisruptionBudget"):
            selector = document["spec"]["selector"]
            wanted = set(selector.get("matchLabels", selector).items())
            assert any(wanted <= pod for pod in labels), name_of(document)


def test_images_are_those_of_the_compose_file() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    known = {
        re.sub(r"\$\{TAPEDECK_TAG:-(\w+)\}", r"\1", container["image"])
        for container in compose["services"].values()
    }
    used = {container["image"] for pod in PODS.values() for container in containers(pod)}
    assert used <= known


def test_what_the_generators_take_is_what_the_keys_job_writes(tmp_path: Path) -> None:
    copy = with_secrets(tmp_path)
    for generator in ("configMapGenerator", "secretGenerator"):
        for entry in KUSTOMIZATION[generator]:
            for file in entry.get("files", ()):
                assert (copy / file).is_file(), file


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_the_whole_is_rendered_and_what_comes_out_is_valid(tmp_path: Path) -> None:
    copy = with_secrets(tmp_path)
    done = subprocess.run(
        ["kubectl", "kustomize", str(copy)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    rendered = manifests(done.stdout)

    assert len(rendered) > len(MANIFESTS)
    for document in rendered:
        kubernetes_validate.validate(document, API, strict=True)
        if document["kind"] != "Namespace":
            assert document["metadata"]["namespace"] == "tapedeck"


def with_secrets(tmp_path: Path) -> Path:
    """Return a copy of the folder after `keys` has been run in it."""
    copy = tmp_path / "kubernetes"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("secrets"))
    script = (FOLDER / "keys").read_text(encoding="utf-8")
    folders = re.search(r"for user in ([a-z ]+);", script)
    assert folders is not None
    for name in folders[1].split():
        (copy / "secrets" / name).mkdir(parents=True)
    make_keys(copy / "secrets", "main", 50_000_000_000)
    return copy
