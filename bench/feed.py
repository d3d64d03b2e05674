"""Seeded events: the same ones for the same arguments, but for the clock's."""

import json
import random
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

import click
from confluent_kafka import Producer

from bench.broker import Broker
from streams.topology import EVENTS

PARTITIONS = 4
POOR = 2
"""A rating of at most this raises an alert on every engine."""

_FEEDBACK = (
    "Took too long to get a response, and the issue still isn't fully resolved.",
    "Great help, thank you!",
    "ok",
    "Agent was friendly but could not fix it.",
    None,
)
_CATEGORIES = ("Technical Issue", "Billing", "How-to", "Bug")
_START = datetime(2026, 1, 1, tzinfo=UTC)


class Sent(NamedTuple):
    """An event, as JSON of about 420 bytes, and what is asked of it later. Each has a ticket of its own."""

    customer: str
    ticket: str
    rating: int
    value: bytes


class Filled(NamedTuple):
    """A topic full of events."""

    topic: str
    customers: int
    events: int
    poor: int


def over_90_days(events: int) -> Callable[[int], datetime]:
    """Times in even steps over 90 days."""
    step = timedelta(days=90) / max(events, 1)
    return lambda i: _START + i * step


def draw(customers: int, clock: Callable[[int], datetime], *, each_first: bool = False) -> Iterator[Sent]:
    """Events without end, the i-th given at `clock(i)`, of customers drawn at random.

    `each_first`: before that, one of each customer.
    """
    draw = random.Random(7)
    ids = [str(uuid.UUID(int=draw.getrandbits(128), version=4)) for _ in range(customers)]
    i = 0
    while True:
        customer = ids[i] if each_first and i < customers else draw.choice(ids)
        rating = draw.choices((1, 2, 3, 4, 5), (4, 6, 15, 35, 40))[0]
        at = clock(i).isoformat()
        ticket = f"TKT-2026-{i}"
        event = {
            "event_id": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
            "event_type": "support_csat_received",
            "customer_id": customer,
            "ticket_id": ticket,
            "ticket_subject": "API returning 500 errors intermittently",
            "rating": rating,
            "feedback": draw.choice(_FEEDBACK),
            "ticket_category": draw.choice(_CATEGORIES),
            "resolution_time_hours": draw.randrange(1, 96),
            "first_contact_resolution": draw.random() < 0.5,
            "was_escalated": False,
            "survey_sent_at": at,
            "responded_at": at,
        }
        yield Sent(customer, ticket, rating, json.dumps(event).encode())
        i += 1


def producer(bootstrap: str, *, linger_ms: int) -> Producer:
    """A producer that keys as Kafka's own does."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": linger_ms,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 100_000,
        }
    )


@contextmanager
def filled(broker: Broker, customers: int, events: int, *, each_first: bool = False) -> Iterator[Filled]:
    """A topic with so many events over 90 days, and a prefix of its own for csatwatch's topics; all gone afterwards."""
    prefix = f"feed{uuid.uuid4().hex[:8]}-"
    click.echo(f"feed: {events:,} events of {customers:,} customers")
    try:
        broker.create(prefix + EVENTS, PARTITIONS)
        sent = islice(draw(customers, over_90_days(events), each_first=each_first), events)
        poor = _produce(broker.bootstrap, prefix + EVENTS, sent)
        yield Filled(prefix + EVENTS, customers, events, poor)
    finally:
        broker.delete(prefix)


def _produce(bootstrap: str, topic: str, sent: Iterable[Sent]) -> int:
    """Produce all of it. Returns how many are poor. Raises RuntimeError when any was not acknowledged."""
    to, poor = producer(bootstrap, linger_ms=50), 0
    lost: list[object] = []

    def note(error: object, _: object) -> None:
        if error is not None:
            lost.append(error)

    for each in sent:
        while True:
            try:
                to.produce(topic, each.value, each.customer, on_delivery=note)
                break
            except BufferError:
                to.poll(0.1)
        poor += each.rating <= POOR
        to.poll(0)
    to.flush()
    if lost:
        message = f"{len(lost)} events did not reach {topic}: {lost[0]}"
        raise RuntimeError(message)
    return poor
