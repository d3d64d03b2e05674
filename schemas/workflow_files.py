"""Reads all workflow files of a directory, and refuses what could not run."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, ValidationError

from schemas import template
from schemas.part import Location
from schemas.workflow import TAGS, OwnStep, Step, StepAction, TaskStep, Workflow
from schemas.yaml_file import BadFile, Document, explain, read

SHIPPED = Path(__file__).parent.parent / "workflows"

OwnActions = Mapping[str, type[BaseModel]]
"""The actions of the user's own by name, each with the model of its configuration."""


def load_workflows(directory: Path | None, own: OwnActions | None = None) -> tuple[Workflow, ...]:
    """The workflows of the `.yaml` and `.yml` files in `directory`, or those that ship; in the order of their files.

    Raises:
        BadFile: the directory, or a file in it, cannot be used; a line a mistake, with the place, the value and the
            fix.
    """
    return tuple(document.value for document in read_workflows(directory, own))


def read_workflows(directory: Path | None, own: OwnActions | None = None) -> tuple[Document[Workflow], ...]:
    """The same, with their places in the files. Raises `BadFile`."""
    place = SHIPPED if directory is None else directory
    if not place.is_dir():
        raise BadFile(f"{place}: is not a directory: name one that holds workflow files")
    files = sorted(file for file in place.iterdir() if file.suffix in {".yaml", ".yml"})
    if not files:
        raise BadFile(f"{place}: holds no workflow: put a file there that ends in .yaml")
    found: dict[str, Document[Workflow]] = {}
    wrong: list[str] = []
    for file in files:
        try:
            document = read(Workflow, file, tags=TAGS)
        except BadFile as bad:
            wrong.append(str(bad))
            continue
        wrong += _mistakes(document, own or {})
        name = document.value.workflow
        if name in found:
            other = Path(found[name].name).name
            text = f"{name!r} is the name of {other} too: give each workflow its own"
            wrong.append(document.mistake(("workflow",), text))
        else:
            found[name] = document
    if wrong:
        raise BadFile("\n".join(wrong))
    return tuple(found.values())


def _mistakes(document: Document[Workflow], own: OwnActions) -> Iterator[str]:
    for place, step in enumerate(document.value.steps):
        if isinstance(step, TaskStep):
            for where, config in _configs(step, place):
                try:
                    template.check(str(config["title"]))
                except template.BadTemplate as bad:
                    yield document.mistake((*where, "title"), str(bad))
        elif isinstance(step, OwnStep):
            if step.action not in own:
                known = ", ".join(f"'{name}'" for name in (*StepAction, *sorted(own)))
                text = f"{step.action!r} is no action: write one of {known}, or add a file for it"
                yield document.mistake(("steps", place, "action"), text)
                continue
            for where, config in _configs(step, place):
                try:
                    own[step.action].model_validate(config)
                except ValidationError as error:
                    yield from explain(document, error, where)


def _configs(step: Step, place: int) -> Iterator[tuple[Location, dict[str, object]]]:
    """Every configuration that the step can have, and where its difference stands."""
    yield ("steps", place, "config"), step.with_config({})
    for number, variant in enumerate(step.variants):
        yield ("steps", place, "variants", number, "config"), step.with_config(variant.config)
