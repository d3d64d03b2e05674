"""The JSON Schema of each topic's records, for producers and consumers in any language, and of the policy, for editors.

`python -m schemas.export docs/schemas` writes them.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from schemas.action import Done
from schemas.alert import SCHEMA_VERSION, CustomerTrend
from schemas.customer import Customer
from schemas.digest import Published
from schemas.event import Event
from schemas.policy import Policy
from schemas.workflow import Workflow

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_RECORDS: Mapping[str, tuple[Any, str]] = {
    "csat-events": (Event, "A record of csat-events"),
    "customers": (Customer, "A record of customers"),
    "alerts": (Published, "A record of alerts"),
    "csat-trends": (CustomerTrend, "A record of csat-trends"),
    "csm-actions": (Done, "A record of csm-actions"),
}
_FILES: Mapping[str, tuple[Any, str]] = {
    "policy": (Policy, "A policy of csatwatch"),
    "workflow": (Workflow, "A workflow of csatwatch"),
}


def schema(topic: str) -> dict[str, Any]:
    """The schema (draft 2020-12) of a record's value on `topic`, named without prefix. Raises KeyError.

    Unknown fields are allowed, as every reader ignores them; a field without a value may be absent or null.
    """
    return _schema(topic, *_RECORDS[topic])


def file_schema(name: str) -> dict[str, Any]:
    """The schema (draft 2020-12) of a file that users write, such as `policy`. Raises KeyError.

    Unknown fields are a mistake there.
    """
    return _schema(name, *_FILES[name])


def documents() -> Mapping[str, str]:
    """The text of every schema by its file name."""
    named = {f"{topic}.json": schema(topic) for topic in _RECORDS}
    named |= {f"{name}.schema.json": file_schema(name) for name in _FILES}
    return {name: json.dumps(each, indent=2, ensure_ascii=False) + "\n" for name, each in named.items()}


def _schema(name: str, model: Any, title: str) -> dict[str, Any]:  # noqa: ANN401 (a model, or a union of some)
    # As it is read: what csatwatch writes leaves empty fields out, so those with a default are not required.
    found = TypeAdapter(model).json_schema(mode="validation", by_alias=True)
    return {"$schema": _DIALECT, "$id": f"urn:csatwatch:{name}:{SCHEMA_VERSION}", **found, "title": title}


def main(directory: Path) -> None:
    """Write every schema into `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
