"""What a command ends with where the user, or a server, is in the way: one message and an exit code."""

from typing import IO, Any

import click

from agents.process import EXIT_BAD_INPUT, EXIT_FAILED


class _Said(click.ClickException):
    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message on standard error."""
        click.echo(f"csatwatch: {self.message}", file=file, err=file is None)


class BadInput(_Said):
    """Input that cannot be used; the text names the field, the value and the fix. Exit code 2."""

    exit_code = EXIT_BAD_INPUT


class Failed(_Said):
    """Something was in the way that is no fault of the input; the text names the fix. Exit code 1."""

    exit_code = EXIT_FAILED
