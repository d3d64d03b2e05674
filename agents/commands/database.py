"""`csatwatch database`: the tables, and who may do what with them."""

import asyncio

import click

from agents.refused import BadInput, Failed
from agents.settings import load_settings
from sinks.access import PROCESSES, grants
from sinks.postgres import BadDatabase, migrate


@click.group()
def database() -> None:
    """Make the tables, and list which rights on them each process needs."""


@database.command("migrate")
def migrate_command() -> None:
    """Bring the database up to this release; running it again changes nothing.

    `store` and `deliver` do so at their start as well. It is for where they may only use the tables: run it as the
    database's owner (CSATWATCH_POSTGRES_DSN), before the processes of a new release start.
    """
    settings = load_settings()
    try:
        applied = asyncio.run(migrate(settings.postgres_dsn.get_secret_value()))
    except BadDatabase as error:
        raise Failed(str(error)) from None
    for name in applied:
        click.echo(f"{name}: applied")
    click.echo(f"{len(applied)} migrations applied, the database is up to date")


@database.command("grants")
@click.option(
    "--role",
    default="csatwatch_{process}",
    show_default=True,
    help="Who a process is to Postgres; {process} stands for its name.",
)
def grants_command(*, role: str) -> None:
    """Print the statements that give each process its rights in the database, and no more.

    Roles that are missing are made, without a password. Nothing is changed: run the lines as the database's owner, and
    again after each `csatwatch database migrate`.
    """
    try:
        for statement in grants({process: role.replace("{process}", process) for process in PROCESSES}):
            click.echo(statement)
    except ValueError as error:
        raise BadInput(f"--role: {error}") from None
