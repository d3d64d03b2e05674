"""docker-compose.yml as data."""

import json
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("csatwatch")}
"""The services that run csatwatch itself."""


def queries() -> list[str]:
    """The dashboard's PromQL, as Grafana asks for it: with a time in place of its own variable."""
    dashboard = json.loads((ROOT / "deploy" / "grafana" / "csatwatch.json").read_text(encoding="utf-8"))
    found = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]
    return [query.replace("$__rate_interval", "5m") for query in found]


def kafka_properties() -> dict[str, str]:
    """The Kafka service's server.properties, as its image makes them from KAFKA_… variables."""
    return {
        name.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
        for name, value in SERVICES["kafka"]["environment"].items()
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS"
    }
