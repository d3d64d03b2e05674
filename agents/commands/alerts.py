"""`csatwatch alerts`: the alerts as anybody may subscribe to them."""

import asyncio
from contextlib import suppress
from datetime import datetime

import click
from pydantic import ValidationError

from agents import kafka
from agents.session import connected, visit
from agents.settings import Settings, load_settings
from schemas.digest import Digest, read
from sinks.slack.digest import summary
from streams.topology import ALERTS


@click.group()
def alerts() -> None:
    """Follow the alerts."""


@alerts.command()
@click.option("--json", "as_json", is_flag=True, help="The records themselves, one a line.")
@click.option("--from-beginning", is_flag=True, help="First those that are there already.")
@click.option("--count", type=click.IntRange(min=1), help="End after so many.")
def tail(*, as_json: bool, from_beginning: bool, count: int | None) -> None:
    """Print alerts as they come, until Ctrl-C.

    It reads the topic alerts like any other subscriber would, without a consumer group: it takes nothing away from
    csatwatch or from other readers. Each line is one change of an alert's state.
    """
    settings = load_settings()
    with suppress(KeyboardInterrupt):
        visit(settings, _follow(settings, as_json=as_json, from_beginning=from_beginning, count=count))


async def _follow(settings: Settings, *, as_json: bool, from_beginning: bool, count: int | None) -> None:
    reset = "earliest" if from_beginning else "latest"
    seen = 0
    consumer = kafka.consumer(settings, settings.topic(ALERTS), auto_offset_reset=reset, enable_auto_commit=False)
    async with connected(consumer):
        while count is None or seen < count:
            record = await consumer.getone()
            if record.value is None:
                continue
            click.echo(record.value.decode(errors="replace") if as_json else _line(record.value))
            seen += 1
            await asyncio.sleep(0)


def _line(value: bytes) -> str:
    try:
        alert = read(value)
    except ValidationError:
        return "(a record that is no alert of this version)"
    if isinstance(alert, Digest):
        return f"{_clock(alert.occurred_at)} {alert.kind} {alert.week}: {alert.csm.name}: {summary(alert)}"
    who = alert.customer.name if alert.customer else alert.customer_id
    silent = ", silent" if alert.silent else ""
    return (
        f"{_clock(alert.occurred_at)} {alert.severity:<8} {alert.kind} {alert.status}{silent}: {who}: "
        f"{'; '.join(alert.reasons)}"
    )


def _clock(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")
