"""The published JSON Schema of workflow files says what csatwatch takes."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from schemas.export import file_schema
from schemas.workflow_files import SHIPPED

GOLDEN = Path(__file__).parents[2] / "golden" / "workflows"
VALIDATOR = Draft202012Validator(file_schema("workflow"))


def mistakes(file: Path) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(file.read_text()))]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(file_schema("workflow"))


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.yaml")), ids=lambda file: file.stem)
def test_what_ships_is_valid_and_names_the_schema(file: Path) -> None:
    assert mistakes(file) == []
    modeline = file.read_text().splitlines()[0]
    place = modeline.removeprefix("# yaml-language-server: $schema=")
    assert (file.parent / place).resolve().name == "workflow.schema.json"


@pytest.mark.parametrize("name", ["fields", "never"])
def test_what_csatwatch_refuses_by_shape_is_not(name: str) -> None:
    assert mistakes(GOLDEN / f"{name}.yaml")


@pytest.mark.parametrize(
    "change",
    [
        {"trigger": {"type": "event", "event": "support_csat_received", "filter": {"ratng": {"eq": 1}}}},
        {"steps": []},
        {"steps": [{"id": "x", "action": "slack_dm", "config": {}}]},
        {"steps": [{"id": "x", "action": "create_task", "config": {"title": "x"}, "after": "soon"}]},
        {"step": []},
    ],
)
def test_an_editor_sees_the_mistake(change: dict[str, Any]) -> None:
    good = {
        "workflow": "w",
        "version": 1.0,
        "trigger": {"type": "event", "event": "support_csat_received"},
        "steps": [{"id": "x", "action": "page_manager", "config": {"anything": 1}}],
    }
    assert VALIDATOR.is_valid(good)
    assert not VALIDATOR.is_valid(good | change)
