"""`csatwatch deliveries`: what became of each step, and again what was given up."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import click

from agents import database
from agents.refused import BadInput, Failed
from agents.settings import Settings, load_settings
from schemas.delivery import State
from sinks.deliveries import GIVEN_UP, Deliveries, Retried, Wanted

_WAITING = (State.DUE, State.CLAIMED)

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])


def _filters(command: Command) -> Command:
    """The options that say which steps are meant."""
    for option in (
        click.option("--alert", metavar="ID", help="Those of one alert."),
        click.option("--customer", metavar="ID|NAME", help="Those of one customer."),
        click.option("--sink", multiple=True, metavar="NAME", help="Those of a destination, such as slack or tasks."),
    ):
        command = option(command)
    return command


@click.group()
def deliveries() -> None:
    """Look after the deliveries: each step of each alert, to Slack, tasks, drafts, mail and actions of one's own."""


@deliveries.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*(state.value for state in State), "waiting"]),
    help="Those in a state; waiting: due or on their way. More than once for several.",
)
@_filters
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One record a line.")
def list_(
    *, states: Sequence[str], sink: Sequence[str], customer: str | None, alert: str | None, limit: int, as_json: bool
) -> None:
    """List deliveries, the newest first."""
    named = [str(state) for each in states for state in (_WAITING if each == "waiting" else (each,))]

    async def rows(ledger: Deliveries) -> list[dict[str, Any]]:
        return await ledger.steps(await _wanted(ledger, named, sink, customer, alert), most=limit + 1)

    found = _visit(load_settings(), rows)
    if as_json:
        for row in found[:limit]:
            click.echo(json.dumps(row, default=_text))
        return
    for row in found[:limit]:
        click.echo(_line(row))
    if not found:
        click.echo("no such deliveries")
    elif len(found) > limit:
        click.echo("… and more: ask for them by --limit, or for fewer by --state, --sink or --customer", err=True)


@deliveries.command()
@click.argument("alert", metavar="ALERT")
@click.option("--json", "as_json", is_flag=True, help="As one record.")
def show(*, alert: str, as_json: bool) -> None:
    """Show an alert's deliveries with all that is known of them. ALERT is its id, as in the list."""
    alert_id = _id("ALERT", alert)
    found = _visit(load_settings(), lambda ledger: ledger.alert(alert_id))
    if found is None:
        raise Failed(f"there is no alert {alert_id}: csatwatch deliveries list shows those with deliveries")
    if as_json:
        click.echo(json.dumps(found, default=_text))
        return
    for line in _shown(found):
        click.echo(line)


@deliveries.command()
@_filters
@click.option("--step", metavar="STEP", help="One step, as the list names it.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([state.value for state in GIVEN_UP]),
    help="Only those that failed, or only those of which nobody knows whether they were done.",
)
@click.option("--all", "everything", is_flag=True, help="All that were given up.")
@click.option("--json", "as_json", is_flag=True, help="One record a line.")
def retry(
    *,
    sink: Sequence[str],
    customer: str | None,
    alert: str | None,
    step: str | None,
    states: Sequence[str],
    everything: bool,
    as_json: bool,
) -> None:
    """Have deliveries that were given up tried again; csatwatch deliver does so within a second.

    What a person asked for by a button is left alone: that person was told, and asks anew.
    """
    if not (everything or sink or customer or alert or step or states):
        raise BadInput("say which: --alert, --step, --customer, --sink or --state, or --all for whatever was given up")

    async def again(ledger: Deliveries) -> Retried:
        return await ledger.retry(await _wanted(ledger, states, sink, customer, alert, step))

    done = _visit(load_settings(), again)
    for alert_id, name, where in done.steps:
        record = {"alert_id": alert_id, "step": name, "sink": where}
        click.echo(json.dumps(record) if as_json else f"{alert_id} {name}: due again")
    if done.left:
        click.echo(f"{done.left} left alone: a person asked for them, was told, and asks anew", err=True)
    if not done.steps:
        raise Failed("nothing to try again: no such delivery has failed (csatwatch deliveries list --state failed)")


async def _wanted(
    ledger: Deliveries,
    states: Sequence[str],
    sinks: Sequence[str],
    customer: str | None,
    alert: str | None,
    step: str | None = None,
) -> Wanted:
    customers: Sequence[str] | None = None
    if customer is not None:
        try:
            customers = [str(UUID(customer))]
        except ValueError:
            customers = await ledger.customers(customer)
            if not customers:
                raise BadInput(f"--customer is {customer!r}: no customer has this id or name") from None
    return Wanted(
        states=list(states) or None,
        sinks=list(sinks) or None,
        customers=customers,
        alert=_id("--alert", alert) if alert else None,
        step=step,
    )


def _visit(settings: Settings, work: Callable[[Deliveries], Awaitable[Result]]) -> Result:
    """Run `work` on the database. Raises `Failed` where it is away."""
    return database.visit(settings, lambda connection: work(Deliveries(connection)))


def _id(name: str, value: str) -> str:
    try:
        return str(UUID(value))
    except ValueError:
        raise BadInput(
            f"{name} is {value!r}: must be an alert's id, like 98fd9804-07bb-5bd2-a6c1-be341b365561"
        ) from None


def _line(row: Mapping[str, Any]) -> str:
    who = row["customer_name"] or row["customer_id"] or ""
    head = f"{_clock(row['created_at'])}  {row['state']:<9}  {row['severity']:<8}  {row['alert_id']}  {row['step']}"
    return f"{head}  {who}{_why(row)}"


def _why(row: Mapping[str, Any]) -> str:
    """What there is to say of the state."""
    match row["state"]:
        case State.DUE if row["held"]:
            return f": held back until {_clock(row['due_at'])}: {row['held']}"
        case State.DUE if row["attempts"]:
            return f": {_tries(row['attempts'])}, again at {_clock(row['due_at'])}: {row['error']}"
        case State.DUE if row["not_before"] and row["not_before"] > row["created_at"] and not row["shown_revision"]:
            unless = f", unless {' or '.join(row['unless'])}" if row["unless"] else ""
            return f": waits until {_clock(row['not_before'])}{unless}"
        case State.FAILED | State.UNKNOWN:
            return f": {row['error']}"
        case State.CANCELLED if row["error"]:
            return f": {row['error']}"
        case _:
            return ""


def _tries(count: int) -> str:
    return "1 failed try" if count == 1 else f"{count} failed tries"


def _shown(alert: Mapping[str, Any]) -> list[str]:
    who = alert["customer_name"] or alert["customer_id"] or "no customer"
    silent = ", silent" if alert["silent"] else ""
    lines = [
        f"{alert['severity']} {alert['kind']} of {who}, {_clock(alert['occurred_at'])}",
        f"{alert['alert_id']}, revision {alert['revision']}, {alert['status']}{silent}",
    ]
    tasks = {task["step"]: task for task in alert["tasks"]}
    for row in alert["steps"]:
        lines += ["", f"{row['step']} ({row['sink']}): {row['state']}{_why(row)}"]
        if row["shown_revision"]:
            where = " ".join(part for part in (row["destination"], row["external_id"]) if part)
            lines.append(f"  shows revision {row['shown_revision']} of {row['wanted_revision']} at {where}")
        if row["uncertain"]:
            lines.append("  may have been done: the destination is asked first")
        if task := tasks.get(row["step"]):
            there = f", {task['system']} {task['external_id']}" if task["system"] else ""
            owner = task["owner_email"] or "nobody"
            lines.append(f"  task of {owner}, {task['status']}, due {_clock(task['due_at'])}{there}")
        if row["settled_at"]:
            lines.append(f"  settled {_clock(row['settled_at'])}")
    if alert["actions"]:
        lines += ["", "done with it:"]
        lines += [f"  {_clock(each['at'])}  {each['kind']} by {each['by']}" for each in alert["actions"]]
    return lines


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def _text(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
