"""The workflows in force, with the templates that their steps name."""

from pathlib import Path

from schemas.workflow import DelegateStep, SlackStep, Workflow
from schemas.workflow_files import SHIPPED, load_workflows
from schemas.yaml_file import BadFile
from sinks import email, slack


def workflows(directory: Path | None) -> tuple[Workflow, ...]:
    """Those of the files in `directory`, or those that ship. Raises `schemas.yaml_file.BadFile`."""
    found = load_workflows(directory)
    for workflow in found:
        for step in workflow.steps:
            place = f"{directory or SHIPPED}: {workflow.workflow}: steps.{step.id}.config"
            if isinstance(step, SlackStep):
                _known(f"{place}.message_template", step.config.message_template, slack.TEMPLATES)
            elif isinstance(step, DelegateStep):
                _known(f"{place}.params.template", step.config.params.template, email.templates())
    return found


def _known(place: str, name: str, names: object) -> None:
    known = sorted(names) if isinstance(names, dict) else []
    if name not in known:
        raise BadFile(f"{place}: {name!r} is not a template: write {' or '.join(known)}")
