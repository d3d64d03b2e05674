"""The workflows in force, with the templates that their steps name."""

from collections.abc import Collection, Iterator
from pathlib import Path

from schemas.alert import Kind
from schemas.part import Location
from schemas.workflow import DelegateStep, SlackStep, Step, Workflow
from schemas.workflow_files import OwnActions, read_workflows
from schemas.yaml_file import BadFile, Document
from sinks import email, slack


def workflows(directory: Path | None, own: OwnActions | None = None) -> tuple[Workflow, ...]:
    """Those of the files in `directory`, or those that ship; `own`: the actions of the user's own, with their models.

    Raises `schemas.yaml_file.BadFile`.
    """
    return tuple(document.value for document in documents(directory, own))


def documents(directory: Path | None, own: OwnActions | None = None) -> tuple[Document[Workflow], ...]:
    """The same, with their places in the files. Raises `schemas.yaml_file.BadFile`."""
    found = read_workflows(directory, own)
    if wrong := [line for document in found for line in _mistakes(document)]:
        raise BadFile("\n".join(wrong))
    return found


def _mistakes(document: Document[Workflow]) -> Iterator[str]:
    kind = document.value.trigger.kind
    for place, step in enumerate(document.value.steps):
        if kind is Kind.WEEKLY_DIGEST and isinstance(step, DelegateStep):
            yield document.mistake(
                ("steps", place, "action"), "a digest is about no customer, so there is nobody to write to: remove it"
            )
        way, names = _templates(step, kind)
        if not way:
            continue
        yield from _known(document, ("steps", place, "config", *way), step.config, way, names)
        for number, variant in enumerate(step.variants):
            config = step.with_config(variant.config)
            yield from _known(document, ("steps", place, "variants", number, "config", *way), config, way, names)


def _templates(step: Step, kind: Kind) -> tuple[tuple[str, ...], Collection[str]]:
    """Where in its configuration the step names a template, and the names that there are."""
    if isinstance(step, SlackStep):
        return ("message_template",), slack.templates(kind)
    if isinstance(step, DelegateStep):
        return ("params", "template"), email.templates()
    return (), ()


def _known(
    document: Document[Workflow], place: Location, config: object, way: tuple[str, ...], names: Collection[str]
) -> Iterator[str]:
    name = config
    for part in way:
        name = name[part] if isinstance(name, dict) else getattr(name, part)
    if name not in names:
        yield document.mistake(place, f"{name!r} is not a template: write {' or '.join(sorted(names))}")
