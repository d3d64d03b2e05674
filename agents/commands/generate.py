"""`csatwatch generate`: a made-up feed of any size."""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import click

from agents.commands.progress import tracked
from agents.commands.publish import message
from agents.commands.send import Message, send_all
from agents.refused import BadInput
from agents.session import visit
from agents.settings import Settings, load_settings
from schemas.customer import Customer
from streams.sample import SampleRecord, Shape, accounts, feed
from streams.sample import generate as sample
from streams.topology import CUSTOMERS, EVENTS

_SOURCE = "/csatwatch/generate"
_LARGEST_SEED = 2**31 - 1


@click.command()
@click.option("--events", type=click.IntRange(1, 1_000_000_000), default=10_000, show_default=True)
@click.option("--days", type=click.IntRange(1, 3_650), default=120, show_default=True, help="The time they span.")
@click.option("--customers", type=click.IntRange(1, 1_000_000), default=300, show_default=True)
@click.option("--seed", type=click.IntRange(0, _LARGEST_SEED), help="The same seed makes the same customers and texts.")
@click.option(
    "--now",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ"]),
    metavar="TIME",
    help="The feed's end, in UTC, like 2026-01-31T09:30:00Z; default: now.",
)
@click.option("--sample", "planted", is_flag=True, help="The sample of csatwatch up: with its known cases planted.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The events go here as JSON Lines.")
@click.option("--customers-out", type=click.Path(dir_okay=False, path_type=Path), help="The accounts go here.")
@click.option("--publish", "to_kafka", is_flag=True, help="Accounts and events go to Kafka.")
def generate(
    *,
    events: int,
    days: int,
    customers: int,
    seed: int | None,
    now: datetime | None,
    planted: bool,
    out: Path | None,
    customers_out: Path | None,
    to_kafka: bool,
) -> None:
    """Make up a feed: accounts, ratings with feedback, closed and escalated tickets.

    Events go to standard output as JSON Lines, or to --out FILE, or, by --publish, to Kafka together with the
    accounts. They are made one at a time: a feed may be larger than memory. Most of a feed is history; what is
    younger than six days is alerted on as if it came from customers.
    """
    if to_kafka and (out or customers_out):
        raise BadInput("--publish and --out: choose one; a file can be published later by csatwatch publish")
    if seed is None:
        seed = secrets.randbelow(_LARGEST_SEED)
        click.echo(f"csatwatch: --seed {seed}", err=True)
    end = datetime.now(UTC).replace(microsecond=0) if now is None else now.replace(tzinfo=UTC)
    who: Iterable[Customer]
    records: Iterable[SampleRecord]
    if planted:
        made = sample(seed, now=end, customers=customers, days=days, events=events)
        who, records, total = made.customers, made.records, len(made.records)
    else:
        who = (each.customer for each in accounts(seed, customers))
        records, total = feed(seed, end, Shape(customers, days, events)), events
    progress = tracked(records, total=total, what="publishing" if to_kafka else "writing")
    if to_kafka:
        _publish(load_settings(), who, progress)
        return
    _write(out, (each.value for each in progress))
    if customers_out:
        _write(customers_out, (each.to_json() for each in who))


def _publish(settings: Settings, who: Iterable[Customer], records: Iterable[SampleRecord]) -> None:
    async def send() -> tuple[int, int]:
        accounts_sent = await send_all(settings, CUSTOMERS, (Message(each.customer_id, each.to_json()) for each in who))
        return accounts_sent, await send_all(settings, EVENTS, messages(records))

    known, sent = visit(settings, send())
    click.echo(f"published {known} accounts to {settings.topic(CUSTOMERS)}")
    click.echo(f"published {sent} events to {settings.topic(EVENTS)}")


def messages(records: Iterable[SampleRecord]) -> Iterator[Message]:
    """The records as a producer sends them; those that are no event go without headers."""
    for each in records:
        if each.event is None:
            yield Message(each.key, each.value)
        else:
            yield message(each.event, each.value, source=_SOURCE)


def _write(path: Path | None, values: Iterable[bytes]) -> None:
    with _opened(path) as file:
        for value in values:
            file.write(value + b"\n")


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes]]:
    try:
        with nullcontext(click.get_binary_stream("stdout")) if path is None else path.open("wb") as file:
            yield file
    except BrokenPipeError:
        raise  # the reader has seen enough: click ends quietly
    except OSError as error:
        message_text = f"{path or 'standard output'}: cannot be written: {error.strerror}: name another file"
        raise BadInput(message_text) from None
