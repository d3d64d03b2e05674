"""The sample that ships: a feed of ordinary customers, and the planted cases among them."""

from dataclasses import dataclass
from datetime import datetime

from schemas.customer import Customer
from schemas.event import CsatReceived, TicketClosed
from streams.sample.accounts import accounts
from streams.sample.feed import FRESH, Shape, feed
from streams.sample.planted import Planted, plant
from streams.sample.record import Event, SampleRecord
from streams.sample.words import POOR

DEFAULT_SEED = 4521
_FRESH_POOR = 40
"""Poor ratings that are acted on: enough to see the work, few enough to read."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The sample, in the order in which it is sent: by time, but for the last few records."""

    customers: tuple[Customer, ...]
    records: tuple[SampleRecord, ...]
    planted: Planted


def generate(
    seed: int = DEFAULT_SEED, *, now: datetime, customers: int = 300, days: int = 120, events: int = 4_500
) -> Sample:
    """The sample as of `now` (aware UTC): most of it is history, some forty poor ratings are of the last six days.

    `customers`, `days` and `events` are those of the ordinary part; the planted cases, which reach back 115 days, come
    on top.
    """
    named, records, last, planted = plant(seed, now)
    fresh = sum(_is_fresh_poor(each.event, now) for each in (*records, *last))
    for each in feed(seed, now, Shape(customers, days, events)):
        if _is_fresh_poor(each.event, now):
            fresh += 1
            if fresh > _FRESH_POOR:
                continue
        records.append(each)
    # Sorting is stable and no two times are compared by anything else: the same input gives the same order.
    ordered = sorted(records, key=lambda each: _time(each.event))
    ordinary = tuple(each.customer for each in accounts(seed, customers))
    return Sample((*named, *ordinary), (*ordered, *last), planted)


def _is_fresh_poor(event: Event | None, now: datetime) -> bool:
    return isinstance(event, CsatReceived) and event.rating <= POOR and now - event.responded_at < FRESH


def _time(event: Event | None) -> datetime:
    match event:
        case CsatReceived():
            return event.responded_at
        case TicketClosed():
            return event.closed_at
        case None:
            message = "a record without an event has no place in time"
            raise ValueError(message)
        case _:
            return event.escalated_at
