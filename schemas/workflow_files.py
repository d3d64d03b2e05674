"""Reads all workflow files of a directory, and refuses what could not run."""

from collections.abc import Mapping
from pathlib import Path

from schemas import alert_fields, template
from schemas.workflow import TaskStep, Workflow
from schemas.yaml_file import BadFile, load

SHIPPED = Path(__file__).parent.parent / "workflows"


def load_workflows(directory: Path | None) -> tuple[Workflow, ...]:
    """The workflows of the `.yaml` and `.yml` files in `directory`, or those that ship; in the order of their files.

    Raises:
        BadFile: the directory, or a file in it, cannot be used; the text names the place, the value and the fix.
    """
    place = SHIPPED if directory is None else directory
    if not place.is_dir():
        raise BadFile(f"{place}: is not a directory: name one that holds workflow files")
    files = sorted(file for file in place.iterdir() if file.suffix in {".yaml", ".yml"})
    if not files:
        raise BadFile(f"{place}: holds no workflow: put a file there that ends in .yaml")
    found: dict[str, Path] = {}
    workflows = []
    for file in files:
        workflow = load(Workflow, file)
        _check(workflow, file, found)
        found[workflow.workflow] = file
        workflows.append(workflow)
    return tuple(workflows)


def _check(workflow: Workflow, file: Path, found: Mapping[str, Path]) -> None:
    if workflow.workflow in found:
        raise BadFile(
            f"{file}: workflow: {workflow.workflow!r} is the name of {found[workflow.workflow].name} too: "
            "give each workflow its own"
        )
    for field in workflow.trigger.filter:
        try:
            alert_fields.check(field)
        except alert_fields.UnknownField as unknown:
            raise BadFile(f"{file}: trigger.filter: {unknown}") from None
    for step in workflow.steps:
        if isinstance(step, TaskStep):
            try:
                template.check(step.config.title)
            except template.BadTemplate as bad:
                raise BadFile(f"{file}: steps.{step.id}.config.title: {bad}") from None
