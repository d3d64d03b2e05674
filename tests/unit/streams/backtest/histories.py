"""Small made-up histories, and lines of them as a backtest takes them."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from streams.backtest.replay import Line
from tests.memory import answer

START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
CUSTOMERS = [f"00000000-0000-4000-8000-00000000000{i}" for i in range(4)]


def rated(rating: int, day: float, customer: str = CUSTOMERS[0], **fields: Any) -> dict[str, Any]:
    return answer(rating, START + timedelta(days=day), customer_id=customer) | fields


def escalated(ticket: str, day: float, customer: str = CUSTOMERS[0]) -> dict[str, Any]:
    return {
        "event_type": "support_ticket_escalated",
        "event_id": f"escalated-{ticket}-{day}",
        "customer_id": customer,
        "ticket_id": ticket,
        "escalated_at": (START + timedelta(days=day)).isoformat(),
    }


def closed(ticket: str, day: float, customer: str = CUSTOMERS[0], **fields: Any) -> dict[str, Any]:
    return {
        "event_type": "support_ticket_closed",
        "event_id": f"closed-{ticket}-{day}",
        "customer_id": customer,
        "ticket_id": ticket,
        "closed_at": (START + timedelta(days=day)).isoformat(),
    } | fields


def history(seed: int, size: int, *, days: float, late: float) -> list[dict[str, Any]]:
    """Ratings, closed and escalated tickets; events come up to `late` days after others, and some come twice."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    made: list[tuple[float, dict[str, Any]]] = []
    for i in range(size):
        day, customer = random.uniform(0, days), random.choice(CUSTOMERS)
        worse = customer == CUSTOMERS[0] and day > days / 2
        rating = random.choice((1, 2, 3) if worse else (1, 3, 4, 5, 5, 5))
        ticket, arrival = f"T-{i}", day + random.uniform(0, late)
        flag = random.choice((None, False, True)) if random.random() < 0.2 else None
        event = rated(rating, day, customer, ticket_id=ticket, event_id=f"e-{i}", was_escalated=flag)
        made.append((arrival, event))
        if random.random() < 0.1:
            made.append((arrival, escalated(ticket, day - random.uniform(0, late), customer)))
        if random.random() < 0.1:
            made.append((arrival, closed(ticket, day, customer, was_escalated=random.random() < 0.3)))
        if random.random() < 0.1:
            made.append((arrival + random.uniform(0, late), event))
        if random.random() < 0.1:
            again = day + random.uniform(0, late)
            revised = rated(random.randint(1, 5), again, customer, ticket_id=ticket, event_id=f"e-{i}-again")
            made.append((again + random.uniform(0, late), revised))
    return [event for _, event in sorted(made, key=lambda each: each[0])]


def lines(events: Iterable[Mapping[str, Any] | bytes]) -> list[Line]:
    return [
        Line(i, i, i + 1, event if isinstance(event, bytes) else json.dumps(event).encode())
        for i, event in enumerate(events)
    ]
