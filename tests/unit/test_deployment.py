"""The mistakes in deployment files that no schema finds: names that do not meet."""

import re
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.settings import InferenceSettings, JobsSettings, WorkerSettings

ROOT = Path(__file__).parents[2]
BASE = ROOT / "k8s" / "base"


def documents() -> list[dict[str, Any]]:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    loaded = (yaml.safe_load_all((BASE / name).read_text()) for name in kustomization["resources"])
    return list(chain.from_iterable(loaded))


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [document for document in documents() if document["kind"] in kinds]


WORKLOADS = of_kind("Deployment", "StatefulSet")
by_name = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda w: w["metadata"]["name"])


def pod(workload: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = workload["spec"]["template"]["spec"]
    return spec


def containers(workload: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pod(workload)["containers"]
    return found


def test_every_file_is_a_resource_of_the_base() -> None:
    named = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    files = {file.name for file in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert files == set(named)


def test_every_service_finds_pods_and_their_ports() -> None:
    for service in of_kind("Service"):
        selector = service["spec"]["selector"].items()
        chosen = [w for w in WORKLOADS if selector <= labels(w).items()]
        assert len(chosen) == 1, service["metadata"]["name"]
        open_ports = {port["name"] for c in containers(chosen[0]) for port in c["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= open_ports


def labels(workload: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = workload["spec"]["template"]["metadata"]["labels"]
    return found


@by_name
def test_a_workload_selects_its_own_pods(workload: dict[str, Any]) -> None:
    assert workload["spec"]["selector"]["matchLabels"].items() <= labels(workload).items()


@by_name
def test_probes_ask_ports_that_are_open(workload: dict[str, Any]) -> None:
    for container in containers(workload):
        ports = {port["name"] for port in container["ports"]}
        numbers = {port["containerPort"] for port in container["ports"]}
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            asked = container[probe]
            assert asked.get("httpGet", {}).get("port", next(iter(ports))) in ports
            assert asked.get("grpc", {}).get("port", next(iter(numbers))) in numbers


@by_name
def test_volumes_are_there(workload: dict[str, Any]) -> None:
    claims = {claim["metadata"]["name"] for claim in of_kind("PersistentVolumeClaim")}
    generated = yaml.safe_load((BASE / "kustomization.yaml").read_text())["configMapGenerator"]
    maps = {item["name"] for item in generated}
    volumes = {volume["name"]: volume for volume in pod(workload)["volumes"]}
    for volume in volumes.values():
        assert volume.get("persistentVolumeClaim", {}).get("claimName", "data") in claims
        assert volume.get("configMap", {}).get("name", "redis") in maps
    templates = workload["spec"].get("volumeClaimTemplates", [])
    known = volumes.keys() | {template["metadata"]["name"] for template in templates}
    assert {mount["name"] for c in containers(workload) for mount in c["volumeMounts"]} <= known


@by_name
def test_pods_are_restricted_and_bounded(workload: dict[str, Any]) -> None:
    security = pod(workload)["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod(workload)["automountServiceAccountToken"] is False
    for container in containers(workload):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["requests"].keys() >= {"cpu", "memory"}
        assert container["resources"]["limits"].keys() >= {"memory"}


def test_inference_can_only_read_the_models() -> None:
    inference = next(w for w in WORKLOADS if w["metadata"]["name"] == "inference")
    [models] = [m for m in containers(inference)[0]["volumeMounts"] if m["name"] == "models"]
    assert models["readOnly"] is True
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert compose["services"]["inference"]["volumes"] == ["data:/data:ro"]


@pytest.mark.parametrize(
    "file",
    [
        "docker-compose.yml",
        "compose.gpu.yaml",
        "services/Dockerfile",
        *(f"k8s/base/{file.name}" for file in BASE.glob("*.yaml")),
    ],
)
def test_only_settings_that_exist_are_set(file: str) -> None:
    kinds = (JobsSettings, WorkerSettings, InferenceSettings)
    known = {f"MODELYARD_{field.upper()}" for kind in kinds for field in kind.model_fields}
    named = set(re.findall(r"MODELYARD_[A-Z_]+", (ROOT / file).read_text()))
    assert named <= known


def test_no_secret_is_written_down() -> None:
    for document in documents():
        assert document["kind"] != "Secret"
    for workload in WORKLOADS:
        for variable in (v for c in containers(workload) for v in c.get("env", [])):
            if re.search("REDIS|PASSWORD|SECRET|TOKEN", variable["name"]):
                assert "secretKeyRef" in variable["valueFrom"], variable["name"]
