"""New ratings without end, after the sample's history: so that a page that is open shows life."""

import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from schemas.customer import Customer
from streams.sample import DEFAULT_SEED, SampleRecord
from streams.sample.record import record
from streams.sample.tickets import answer

_SHARES = (12, 13, 15, 25, 35)  # of the ratings 1 to 5: poorer than in life, or little would happen
_FIRST_TICKET = 50_000  # above those of the sample


def ratings(customers: Sequence[Customer], seed: int = DEFAULT_SEED) -> Iterator[SampleRecord]:
    """Answers to surveys, each given a moment before it is asked for."""
    draw = random.Random(f"csatwatch trickle {seed}")  # noqa: S311 (a made-up feed is no secret)
    number = _FIRST_TICKET
    while True:
        number += 1
        at = datetime.now(UTC) - timedelta(seconds=1)
        customer = draw.choice(customers)
        (rating,) = draw.choices((1, 2, 3, 4, 5), _SHARES)
        yield record(
            answer(
                draw,
                customer_id=customer.customer_id,
                ticket_id=f"TKT-{at.year}-{number}",
                rating=rating,
                at=at,
                contact=customer.primary_contact,
            )
        )
