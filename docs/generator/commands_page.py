"""The page of commands."""

from collections.abc import Iterator

import click

from agents.cli import program

_WIDTH = 100  # of what --help prints, in characters
_INTRO = """\
# Commands

What `--help` prints of each. A command ends with 0 when it is done, with 1 when it failed, and with 2 when what it was
given is wrong; then it says what, and how to mend it.
"""


def commands() -> Iterator[str]:
    """What `--help` prints of each command."""
    yield _INTRO
    yield from _help(program, None, "csatwatch")


def _help(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    with click.Context(
        command, info_name=name, parent=parent, terminal_width=_WIDTH, max_content_width=_WIDTH
    ) as context:
        yield f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
        if isinstance(command, click.Group):
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                if found is not None and not found.hidden:
                    yield from _help(found, context, each)
