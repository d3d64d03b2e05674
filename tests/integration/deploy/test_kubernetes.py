"""What deploy/kubernetes promises can be kept: its commands, settings, probes and limits."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import yaml
from dotenv import dotenv_values

from agents.cli import program
from agents.metrics import LAG, REGISTRY
from agents.settings import PREFIX, Settings
from tests.conftest import Broker
from tests.integration.deploy.compose import ROOT
from tests.integration.deploy.test_compose import SETTINGS
from tests.servers.processes import Csatwatch, csatwatch
from tests.signed_in import KEY

_DIRECTORY = ROOT / "deploy" / "kubernetes"
_FILES = yaml.safe_load((_DIRECTORY / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
_OBJECTS: list[dict[str, Any]] = [
    each for name in _FILES for each in yaml.safe_load_all((_DIRECTORY / name).read_text(encoding="utf-8"))
]
_PROCESSES = ("detect", "store", "deliver", "web")


def _pods() -> Iterator[tuple[str, dict[str, Any]]]:
    for each in _OBJECTS:
        if "template" in each.get("spec", {}):
            yield each["metadata"]["name"], each["spec"]["template"]["spec"]


_PODS = dict(_pods())


def test_every_file_is_used_and_every_process_runs() -> None:
    there = {path.name for path in _DIRECTORY.iterdir()}
    assert there == {"kustomization.yaml", "settings.env", "prometheus-adapter.yaml", *_FILES}
    assert _PODS.keys() == {*_PROCESSES, "topics"}


@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_each_object_is_what_kubernetes_takes(version: str) -> None:
    kustomization = yaml.safe_load((_DIRECTORY / "kustomization.yaml").read_text(encoding="utf-8"))
    assert kustomization["kind"] == "Kustomization"  # kustomize's own, whose schema Kubernetes does not have
    for each in _OBJECTS:
        kubernetes_validate.validate(each, version, strict=True)
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(_OBJECTS[0] | {"specs": {}}, version, strict=True)


@pytest.mark.parametrize("name", sorted(_PODS))
def test_each_pod_runs_a_command_with_no_more_rights_than_it_needs(name: str) -> None:
    pod = _PODS[name]
    (container,) = pod["containers"]
    command: click.Command = program
    for word in container["args"]:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), word)
        assert found is not None, word
        command = found
    assert pod["securityContext"]["runAsNonRoot"]
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert container["resources"]["requests"].keys() == {"cpu", "memory"}
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize("name", _PROCESSES)
def test_each_process_is_probed_and_may_be_moved_one_by_one(name: str) -> None:
    (container,) = _PODS[name]["containers"]
    ports = {port["name"] for port in container["ports"]}
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"]["path"] == path
        assert container[probe]["httpGet"]["port"] in ports
    (budget,) = [o for o in _OBJECTS if o["kind"] == "PodDisruptionBudget" and o["metadata"]["name"] == name]
    (workload,) = [o for o in _OBJECTS if o["kind"] in {"Deployment", "StatefulSet"} and o["metadata"]["name"] == name]
    labels = workload["spec"]["template"]["metadata"]["labels"]
    assert budget["spec"]["selector"]["matchLabels"] == labels == workload["spec"]["selector"]["matchLabels"]
    # It drains before it is killed.
    assert _PODS[name]["terminationGracePeriodSeconds"] > 10


def test_each_variable_is_a_setting_and_each_secret_is_where_it_is_looked_for() -> None:
    settings = dotenv_values(_DIRECTORY / "settings.env")
    assert {name.removeprefix(PREFIX) for name in settings} <= SETTINGS
    (mount,) = [m["mountPath"] for m in _PODS["web"]["containers"][0]["volumeMounts"] if m["name"] == "secrets"]
    files = [value for name, value in settings.items() if name.endswith("_FILE")]
    assert files
    assert all(value is not None and value.startswith(f"{mount}/") for value in files)


def test_no_more_detectors_than_partitions() -> None:
    (scaler,) = [each for each in _OBJECTS if each["kind"] == "HorizontalPodAutoscaler"]
    assert scaler["spec"]["maxReplicas"] == Settings().partitions


def test_the_detectors_are_scaled_by_a_metric_that_there_is() -> None:
    (scaler,) = [each for each in _OBJECTS if each["kind"] == "HorizontalPodAutoscaler"]
    (metric,) = [each["external"]["metric"] for each in scaler["spec"]["metrics"]]
    adapter = yaml.safe_load((_DIRECTORY / "prometheus-adapter.yaml").read_text(encoding="utf-8"))
    (rule,) = adapter["rules"]["external"]
    ((label, role),) = metric["selector"]["matchLabels"].items()
    assert rule["name"]["as"] == metric["name"]
    assert rule["seriesQuery"] == f'{metric["name"]}{{{label}="{role}"}}'
    assert f"sum by ({label}) " in rule["metricsQuery"]
    (family,) = [each for each in REGISTRY.collect() if each.name == metric["name"]]
    family_labels = LAG._labelnames
    assert label in family_labels
    assert family.type == "gauge"


def _policies(name: str) -> list[dict[str, Any]]:
    """The network policies of a process's pods."""
    (labels,) = [o["spec"]["template"]["metadata"]["labels"] for o in _OBJECTS if _runs(o, name)]

    def selects(selector: dict[str, Any]) -> bool:
        exact = selector.get("matchLabels", {}).items() <= labels.items()
        return exact and all(labels.get(e["key"]) in e["values"] for e in selector.get("matchExpressions", ()))

    return [o["spec"] for o in _OBJECTS if o["kind"] == "NetworkPolicy" and selects(o["spec"]["podSelector"])]


def _runs(each: dict[str, Any], name: str) -> bool:
    return "template" in each.get("spec", {}) and each["metadata"]["name"] == name


def _open(name: str, way: str) -> set[int]:
    return {port["port"] for policy in _policies(name) for rule in policy.get(way, ()) for port in rule["ports"]}


@pytest.mark.parametrize(
    ("name", "comes_in", "goes_out"),
    [
        ("detect", {9100}, {53, 9092}),
        ("store", {9100}, {53, 9092, 5432}),
        ("deliver", {9100}, {53, 9092, 5432, 443, 465, 587}),
        ("web", {9100, 8080}, {53, 9092, 5432, 443, 465, 587, 9100}),
        ("topics", {9100}, {53, 9092}),
    ],
)
def test_the_network_lets_through_what_a_process_needs_and_no_more(
    name: str, comes_in: set[int], goes_out: set[int]
) -> None:
    assert any(policy["policyTypes"] == ["Ingress", "Egress"] and "egress" not in policy for policy in _policies(name))
    assert _open(name, "ingress") == comes_in
    assert _open(name, "egress") == goes_out


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_what_the_pods_run_gets_ready_by_its_own_probes(
    broker: Broker, topic_prefix: str, postgres: str, tmp_path: Path
) -> None:
    # What differs from the manifests: where things are. Secrets that are not there yet count as not set when empty.
    secrets = {}
    settings = {name: value or "" for name, value in dotenv_values(_DIRECTORY / "settings.env").items()}
    for name, value in settings.items():
        if name.endswith("_FILE"):
            file = tmp_path / Path(value).name
            file.write_text({"postgres_dsn": postgres, "session_key": KEY}.get(file.name, ""))
            secrets[name] = str(file)
    here = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_REPLICATION": "1",
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_WEB_BIND": "127.0.0.1:0",
    }
    settings |= secrets | here
    made = await csatwatch(*_PODS["topics"]["containers"][0]["args"], settings=settings, directory=tmp_path)
    assert made.code == 0, made.stderr
    async with AsyncExitStack() as stack:
        for name in _PROCESSES:
            (container,) = _PODS[name]["containers"]
            process = Csatwatch(container["args"][0], settings, tmp_path)
            await stack.enter_async_context(process)
            for probe in ("livenessProbe", "readinessProbe"):
                assert await process.get(container[probe]["httpGet"]["path"]) == 200
