"""The cases that the sample must show, each known by name."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from schemas.customer import Customer
from schemas.event import Contact, CsatReceived, TicketClosed
from streams.sample.accounts import CSMS, contact, named_id
from streams.sample.record import SampleRecord, record
from streams.sample.tickets import answer, event_id, ticket_fields

GLOBALTECH_TICKET = "TKT-2026-4521"
DECLINING = ("Meridian Freight", "Lumen Dental Group", "Tundra Payments")
_TWICE, _RETRACTED, _WORSE = "Heron Robotics", "Coral Hotels", "Vertex Insurance"
_REPEATED, _LATE = "Sable Textiles", "Prairie Telecom"

# Ages in days and ratings, oldest first. Others than the ticket's: ten answers whose mean is 4.2, one of them poor and
# within 30 days, none of the rest in the 30 days before the ticket: its recent ratings are too few for a trend.
_GLOBALTECH_BEFORE = ((112, 5), (103, 4), (95, 4), (86, 5), (77, 4), (69, 5), (58, 4), (47, 5), (36, 4), (12, 2))
# Enough history to say what is usual; none in the last 30 days, where two poor ratings alone are no trend.
_USUAL = ((111, 5), (97, 4), (84, 5), (66, 4), (51, 5), (38, 5))
_DECLINING_BEFORE = (5, 5, 4, 5, 5, 4, 5, 5, 5, 4, 5, 5)
_DECLINING_AFTER = ((27, 5), (17, 4), (5.6, 2), (4.3, 1), (3.1, 2), (1.9, 1), (0.8, 3))


@dataclass(frozen=True, slots=True)
class Planted:
    """Where to find each case.

    Attributes:
        customers: id by name, of all accounts that stand here by name.
        globaltech: the event of ticket TKT-2026-4521.
        second_poor: the second of two poor ratings within 30 days, both fresh.
        retracted: answers to one survey, poor and then good.
        worse: answers to one survey, poor and then poorer.
        duplicate: an event that is sent twice.
        late: an event that is sent last, after a newer one of its customer.
        declining: customers whose ratings really fall, by id.
        poison: values that are no event: one is not JSON, one has the rating 7.
    """

    customers: dict[str, str]
    globaltech: CsatReceived
    second_poor: CsatReceived
    retracted: tuple[CsatReceived, CsatReceived]
    worse: tuple[CsatReceived, CsatReceived]
    duplicate: CsatReceived
    late: CsatReceived
    declining: tuple[str, ...]
    poison: tuple[bytes, bytes]


def plant(seed: int, now: datetime) -> tuple[tuple[Customer, ...], list[SampleRecord], list[SampleRecord], Planted]:
    """The accounts, their records by time, the records that come after all others, and where each case is."""
    draw = random.Random(f"csatwatch planted {seed}")  # noqa: S311 (a made-up feed is no secret)
    accounts = _accounts(draw)
    ids = {each.name: each.customer_id for each in accounts}
    tickets = (f"TKT-{now.year}-{number}" for number in range(5_001, 10_000))

    def said(name: str, age_days: float, rating: int, response_id: str | None = None) -> CsatReceived:
        return answer(
            draw,
            customer_id=ids[name],
            ticket_id=next(tickets),
            rating=rating,
            at=_ago(now, age_days),
            response_id=response_id,
        )

    usual = [
        said(name, age, rating) for name in (_TWICE, _RETRACTED, _WORSE, _REPEATED, _LATE) for age, rating in _USUAL
    ]
    globaltech = _globaltech(draw, ids["GlobalTech"], now)
    declining = [
        said(name, age, rating)
        for name in DECLINING
        for age, rating in (*zip(range(115, 31, -7), _DECLINING_BEFORE, strict=True), *_DECLINING_AFTER)
    ]
    twice = said(_TWICE, 5.2, 2), said(_TWICE, 1.1, 1)
    retracted = _again(draw, said(_RETRACTED, 2.4, 1, "survey-88213"), 5, _ago(now, 2.1))
    worse = _again(draw, said(_WORSE, 3.5, 2, "survey-88304"), 1, _ago(now, 3.2))
    duplicate, late = said(_REPEATED, 1.6, 2), said(_LATE, 4.8, 1)
    newer = said(_LATE, 1.3, 5)
    poison = b"rating=1;ticket=unknown", _rating_seven(said(_LATE, 0.5, 5))
    events = [*usual, *globaltech, *declining, *twice, *retracted, *worse, duplicate, newer]
    planted = Planted(
        customers=ids,
        globaltech=next(e for e in globaltech if isinstance(e, CsatReceived) and e.ticket_id == GLOBALTECH_TICKET),
        second_poor=twice[1],
        retracted=retracted,
        worse=worse,
        duplicate=duplicate,
        late=late,
        declining=tuple(ids[name] for name in DECLINING),
        poison=poison,
    )
    last = [
        record(duplicate),
        record(late),
        SampleRecord(None, poison[0], None),
        SampleRecord(ids[_LATE], poison[1], None),
    ]
    return accounts, [record(event) for event in events], last, planted


def _accounts(draw: random.Random) -> tuple[Customer, ...]:
    def named(name: str, arr: float | None, csm: int | None, tier: str, currency: str = "USD") -> Customer:
        return Customer(
            customer_id=named_id(name),
            name=name,
            arr=arr,
            currency=currency if arr is not None else None,
            csm=None if csm is None else CSMS[csm],
            deputy=None if csm is None else CSMS[(csm + 1) % len(CSMS)],
            primary_contact=contact(draw, name),
            tier=tier,
            time_zone="America/New_York",
        )

    return (
        Customer(
            customer_id=named_id("GlobalTech"),
            name="GlobalTech",
            arr=175_000,
            currency="USD",
            csm=CSMS[0],
            deputy=CSMS[1],
            primary_contact=Contact(
                id="contact-globaltech",
                name="Dana Whitfield",
                email="dana.whitfield@globaltech.example",
                locale="en-US",
            ),
            tier="enterprise",
            time_zone="America/New_York",
        ),
        named(DECLINING[0], 240_000, 1, "enterprise"),
        named(DECLINING[1], 38_000, 2, "growth"),
        named(DECLINING[2], 92_000, 3, "business", "EUR"),
        named(_TWICE, 64_000, 4, "business"),
        named(_RETRACTED, 21_000, 5, "growth"),
        named(_WORSE, 130_000, 6, "business"),
        named(_REPEATED, None, 7, "growth"),
        named(_LATE, 9_500, None, "starter"),
    )


def _globaltech(draw: random.Random, customer_id: str, now: datetime) -> Sequence[CsatReceived | TicketClosed]:
    numbers = iter(range(3_902, 4_500, 41))

    def before() -> Iterator[CsatReceived]:
        for age, rating in _GLOBALTECH_BEFORE:
            ticket = f"TKT-2026-{next(numbers)}"
            yield answer(draw, customer_id=customer_id, ticket_id=ticket, rating=rating, at=_ago(now, age))

    unrated = "TKT-2026-4466"
    at = _ago(now, 0.1)
    return (
        *before(),
        TicketClosed(
            event_id=event_id(draw),
            customer_id=customer_id,
            closed_at=_ago(now, 8.5),
            **ticket_fields(draw, unrated, rating=4),
        ),
        CsatReceived(
            event_id=event_id(draw),
            customer_id=customer_id,
            ticket_id=GLOBALTECH_TICKET,
            ticket_subject="API returning 500 errors intermittently",
            ticket_category="Technical Issue",
            ticket_url=f"https://support.example.com/tickets/{GLOBALTECH_TICKET}",
            resolution_time_hours=72,
            sla_hours=24,
            first_contact_resolution=False,
            was_escalated=False,
            assignee="Robin Hale",
            rating=1,
            feedback="Took too long to get a response, and the issue still isn't fully resolved.",
            survey_sent_at=at - timedelta(hours=1),
            responded_at=at,
            contact=Contact(
                id="contact-globaltech",
                name="Dana Whitfield",
                email="dana.whitfield@globaltech.example",
                locale="en-US",
            ),
        ),
    )


def _again(draw: random.Random, first: CsatReceived, rating: int, at: datetime) -> tuple[CsatReceived, CsatReceived]:
    text = "Somebody called back and put it right. Thank you!" if rating > first.rating else "It only got worse since."
    later = {"event_id": event_id(draw), "rating": rating, "responded_at": at, "feedback": text}
    return first, first.model_copy(update=later)


def _rating_seven(event: CsatReceived) -> bytes:
    return event.model_copy(update={"rating": 7}).to_json()


def _ago(now: datetime, days: float) -> datetime:
    return now - timedelta(seconds=round(days * 86_400))
