"""A group whose commands are imported when one of them is asked for, so that each process starts without the others."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

_MARGINS = 6  # around both columns of the help


class LazyGroup(click.Group):
    """Each command in a module of agents/commands that goes by its name.

    `summaries` says in a line that fits what each is for; the command's own help has the rest.
    """

    def __init__(self, *args: Any, summaries: Mapping[str, str], **kwargs: Any) -> None:  # noqa: ANN401 (click's own)
        super().__init__(*args, **kwargs)
        self._summaries = summaries

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Imports none of them."""
        return sorted({*super().list_commands(ctx), *self._summaries})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports that one."""
        if cmd_name not in self._summaries:
            return super().get_command(ctx, cmd_name)
        name = cmd_name.replace("-", "_")
        command: click.Command = getattr(import_module(f"agents.commands.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Imports none of them either."""
        names = self.list_commands(ctx)
        width = formatter.width - max(map(len, names)) - _MARGINS
        here = {name: each.get_short_help_str(width) for name, each in self.commands.items() if not each.hidden}
        with formatter.section("Commands"):
            formatter.write_dl(sorted({**here, **self._summaries}.items()))
