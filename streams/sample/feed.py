"""A feed of any length, one record at a time, in the order of its events."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate

from schemas.event import TicketClosed, TicketEscalated
from streams.sample.accounts import Account, account
from streams.sample.record import SampleRecord, record
from streams.sample.tickets import answer, event_id, ticket_fields

FRESH = timedelta(days=6.4)
OLD = timedelta(days=7.6)
"""No event's age lies between the two: what is acted on and what is history stays the same while a feed is sent."""
_NEWEST = timedelta(minutes=3)  # nothing is in the future of a clock that is a little behind
_CLOSED, _ESCALATED = 0.22, 0.05  # shares of records that are no rating
_FIRST_TICKET = 10_000
_ACCOUNTS_KEPT = 1 << 16


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a feed is: so many records, over so many days up to now, of so many customers."""

    customers: int
    days: int
    events: int


def feed(seed: int, now: datetime, shape: Shape) -> Iterator[SampleRecord]:
    """The records, without holding them: the memory needed grows with the customers alone.

    Times are up to `now` and spread evenly, but for the gap between `FRESH` and `OLD`.
    """
    draw = random.Random(f"csatwatch feed {seed}")  # noqa: S311 (a made-up feed is no secret)
    known = lru_cache(maxsize=_ACCOUNTS_KEPT)(lambda number: account(seed, number))
    weights = list(accumulate(account(seed, number).chatter for number in range(shape.customers)))
    numbers = range(shape.customers)
    for place, age in enumerate(_ages(draw, shape)):
        customer = known(draw.choices(numbers, cum_weights=weights)[0])
        yield _record(draw, customer, now - age, f"TKT-{(now - age).year}-{_FIRST_TICKET + place}")


def _ages(draw: random.Random, shape: Shape) -> Iterator[timedelta]:
    gap = OLD - FRESH if timedelta(days=shape.days) > OLD else timedelta(0)
    fresh = FRESH if gap else timedelta(days=shape.days)
    span = timedelta(days=shape.days) - gap - _NEWEST
    step = span / shape.events
    for place in range(shape.events):
        left = _NEWEST + step * (shape.events - place - draw.random())
        age = left if left < fresh else left + gap
        yield timedelta(seconds=round(age.total_seconds(), 3))


def _record(draw: random.Random, who: Account, at: datetime, ticket_id: str) -> SampleRecord:
    rating = draw.choices((1, 2, 3, 4, 5), who.shares)[0]
    kind = draw.random()
    customer_id = who.customer.customer_id
    if kind < _ESCALATED:
        return record(
            TicketEscalated(event_id=event_id(draw), customer_id=customer_id, ticket_id=ticket_id, escalated_at=at)
        )
    if kind < _ESCALATED + _CLOSED:
        fields = ticket_fields(draw, ticket_id, rating)
        return record(TicketClosed(event_id=event_id(draw), customer_id=customer_id, closed_at=at, **fields))
    contact = who.customer.primary_contact
    return record(answer(draw, customer_id=customer_id, ticket_id=ticket_id, rating=rating, at=at, contact=contact))
