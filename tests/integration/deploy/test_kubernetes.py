"""What deploy/kubernetes promises can be kept: its commands, settings, probes and limits."""

from collections.abc import Iterator
from typing import Any

import click
import pytest
import yaml
from dotenv import dotenv_values

from agents.cli import program
from agents.settings import PREFIX, Settings
from tests.integration.deploy.compose import ROOT
from tests.integration.deploy.test_compose import SETTINGS

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
    assert there == {"kustomization.yaml", "settings.env", *_FILES}
    assert _PODS.keys() == {*_PROCESSES, "topics"}


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
