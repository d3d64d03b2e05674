"""What `publish` and `customers import` have in common: a file, checked as a whole, then sent to a topic."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import click

from agents.commands.checked import examine, good
from agents.commands.input_file import Columns, Line, format_of, lines, opened, template, unknown_columns
from agents.commands.progress import tracked
from agents.commands.send import Message, send_all
from agents.refused import BadInput
from agents.session import visit
from agents.settings import load_settings

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Kind(Generic[Value]):
    """What the lines of a file are.

    Attributes:
        topic: where they go, without the installation's prefix.
        noun: one of them, with its article, and several.
        check: the record in a line; raises `agents.commands.checked.BadLine`.
        message: what is sent for a line.
    """

    topic: str
    noun: tuple[str, str]
    columns: Columns
    check: Callable[[bytes], Value]
    message: Callable[[Line, Value], Message]


def publish_file(
    kind: Kind[Value], file: str | None, given: str | None, *, skip_bad: bool, only_template: bool
) -> None:
    """Check every line of `file`, then send them all. Raises `BadInput` and `Failed`."""
    if only_template:
        click.echo(template(kind.columns), nl=False)
        return
    if file is None:
        raise BadInput("FILE is missing: name a file, or - for standard input")
    settings = load_settings()
    file_format, name = format_of(file, given), "standard input" if file == "-" else file
    one, several = kind.noun
    with opened(file) as source:
        if file_format == "csv":
            for column in unknown_columns(source, name, kind.columns):
                click.echo(f"csatwatch: {name}: the column {column!r} is no field of {one}: left out", err=True)
        report = examine(lines(source, name, file_format, kind.columns), kind.check, name)
        report.settle(skip_bad=skip_bad)

        def messages() -> Iterator[Message]:
            for line, value in good(lines(source, name, file_format, kind.columns), kind.check):
                yield kind.message(line, value)

        sent = visit(
            settings, send_all(settings, kind.topic, tracked(messages(), total=report.good, what="publishing"))
        )
    skipped = f", skipped {report.bad}" if report.bad else ""
    click.echo(f"published {sent} {several} to {settings.topic(kind.topic)}{skipped}")
