"""`csatwatch digest`: the weekly digests as they would be now."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from agents import database
from agents.refused import BadInput
from agents.settings import load_settings
from schemas.customer import Person
from schemas.digest import Digest, Standing
from schemas.policy import Policy, load_policy
from sinks import slack
from sinks.digests import csm, csms, standings
from sinks.postgres import Connection
from streams.digest import compose
from streams.week import Slot, last_slot, zone_of

_WIDTH = 78


@click.command()
@click.option("--csm", "emails", multiple=True, metavar="EMAIL", help="That CSM's. More than once for several.")
@click.option("--json", "as_json", is_flag=True, help="The records, one a line.")
def digest(*, emails: tuple[str, ...], as_json: bool) -> None:
    """Show the weekly digests as they would be now, under the policy in force. Nothing is sent or kept.

    They are made of what is in Postgres, each as Slack would show it.
    """
    settings = load_settings()
    policy, now = load_policy(settings.policy), datetime.now(UTC)

    found = [
        preview(person, accounts, policy, now)
        for person, accounts in database.visit(settings, lambda connection: known(connection, emails, now))
    ]
    for each in found:
        if as_json:
            click.echo(each.to_json().decode())
        else:
            click.echo(f"── {each.csm.name} <{each.csm.email}> ".ljust(_WIDTH, "─"))
            click.echo(f"\n{slack.as_text(slack.message(each))}\n")
    if not found and not as_json:
        click.echo("no account has a CSM: there are no digests")


async def known(
    connection: Connection, emails: Sequence[str], now: datetime
) -> Sequence[tuple[Person, Sequence[Standing]]]:
    """The CSMs of these e-mails, or all, each with what is known of the accounts. Raises `BadInput`."""
    everybody = await csms(connection)
    if unknown := [email for email in emails if email.lower() not in everybody]:
        raise BadInput(f"--csm is {unknown[0]!r}: no account has a CSM with this e-mail")
    wanted = [email.lower() for email in emails] or everybody
    people = [person for email in wanted if (person := await csm(connection, email)) is not None]
    return [(person, await standings(connection, person.email, now, now)) for person in people]


def preview(person: Person, accounts: Sequence[Standing], policy: Policy, now: datetime) -> Digest:
    """The digest of these accounts as if it were due now."""
    week = last_slot(now, policy.digest, zone_of(person.email, policy.digest)).week
    return compose(person, Slot(week, now), accounts, policy, now)
