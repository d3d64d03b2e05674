"""`csatwatch outcomes`: whether alerts help, in figures with their method."""

from datetime import UTC, datetime

import click

from agents import database
from agents.commands.outcomes_text import text
from agents.outcomes import worked_out
from agents.settings import load_settings
from schemas.policy import load_policy


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The record, for programs.")
def outcomes(*, as_json: bool) -> None:
    """Show whether alerts help: how soon drops are found, and what came after with a follow-up and without one.

    They are worked out now, of what is in Postgres: alerts of the last year, ratings and tickets. Each figure says of
    how many it is, and how it was found; what is too little is said to be.
    """
    settings = load_settings()
    policy, now = load_policy(settings.policy), datetime.now(UTC)
    found = database.visit(settings, lambda connection: worked_out(connection, policy, now))
    click.echo(found.to_json().decode() if as_json else text(found), nl=as_json)
