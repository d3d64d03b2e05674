"""Checks every line of an input file before anything is sent, and reports the bad ones by file and line."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import click

from agents.commands.input_file import Line
from agents.refused import BadInput

_SHOWN = 20  # bad lines in one message; more of them seldom say more

Value = TypeVar("Value")


class BadLine(Exception):
    """A line that cannot be used; the text names the field, the value and the fix."""


@dataclass(slots=True)
class Report:
    """What a first pass over a file found."""

    name: str
    good: int = 0
    bad: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, line: Line, error: BadLine) -> None:
        """Note a bad line."""
        self.bad += 1
        if len(self.shown) < _SHOWN:
            self.shown.append(f"{self.name}:{line.number}: {error}")

    def settle(self, *, skip_bad: bool) -> None:
        """Say which lines are bad. Raises `BadInput` where they must not be skipped, or nothing is left."""
        rest = [f"… and {self.bad - len(self.shown)} more bad lines"] if self.bad > len(self.shown) else []
        if self.bad and not skip_bad:
            hint = f"nothing was sent: mend {self.bad} of {self.good + self.bad} lines, or leave them out by --skip-bad"
            raise BadInput("\n".join([*self.shown, *rest, hint]))
        for text in (*self.shown, *rest):
            click.echo(f"csatwatch: skipped: {text}", err=True)
        if not self.good:
            raise BadInput(f"{self.name}: holds no record that can be used")


def examine(lines: Iterable[Line], check: Callable[[bytes], object], name: str) -> Report:
    """Check every line."""
    report = Report(name)
    for line in lines:
        try:
            check(line.value)
        except BadLine as error:
            report.add(line, error)
        else:
            report.good += 1
    return report


def good(lines: Iterable[Line], check: Callable[[bytes], Value]) -> Iterator[tuple[Line, Value]]:
    """The lines that pass, each with what `check` makes of it."""
    for line in lines:
        try:
            value = check(line.value)
        except BadLine:
            continue
        yield line, value
