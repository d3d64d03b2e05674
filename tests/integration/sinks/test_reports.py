"""The figures for reports, held against a count in Python over the events themselves."""

from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from schemas.event import CsatReceived, TicketClosed, TicketEscalated
from sinks.postgres import connect
from sinks.ratings import Arrival, store_events

START = datetime(2026, 1, 1, tzinfo=UTC)
COUNTS = [
    "tickets",
    "answered",
    "answers",
    "rating_sum",
    "resolved",
    "resolution_hours",
    "sla_known",
    "sla_broken",
    "first_contact_known",
    "first_contact",
    "escalated",
]

Event = CsatReceived | TicketClosed | TicketEscalated


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=2) as connected:
        yield connected


def tickets(seed: int, size: int) -> list[list[Event]]:
    """What is said of each of `size` tickets over four months: closed or not, rated never, once or again, escalated."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    found: list[list[Event]] = []
    for n in range(size):
        facts: dict[str, Any] = {
            "customer_id": f"00000000-0000-4000-8000-{random.randrange(5):012}",
            "ticket_id": f"T-{n}",
        }
        said: dict[str, Any] = {
            "ticket_category": random.choice((None, "Billing", "Technical Issue")),
            "resolution_time_hours": random.choice((None, 2.5, 30.0, 72.0)),
            "sla_hours": random.choice((None, 24.0, 72.0)),
            "first_contact_resolution": random.choice((None, True, False)),
        }
        at = START + timedelta(minutes=random.randrange(120 * 24 * 60))
        events: list[Event] = []
        if random.random() < 0.8:
            events.append(TicketClosed(event_id=f"c{n}", closed_at=at, **facts, **said))
        surveys = random.choice((0, 0, 1, 1, 1, 2))
        for i in range(surveys * 2):  # each survey is answered twice: the later counts
            later = at + timedelta(hours=1 + random.randrange(400), seconds=i)
            answered: dict[str, Any] = {
                "responded_at": later,
                "rating": random.randint(1, 5),
                "response_id": f"R-{n}-{i // 2}",
            }
            events.append(CsatReceived(event_id=f"a{n}-{i}", **facts, **said, **answered))
        if random.random() < 0.2:
            events.append(TicketEscalated(event_id=f"e{n}", escalated_at=at, **facts))
        found.append(events)
    return found


def counted(of: Iterable[list[Event]]) -> dict[tuple[Any, ...], list[float]]:
    """Customer, category and month → `COUNTS`."""
    rows: dict[tuple[Any, ...], list[float]] = defaultdict(lambda: [0] * len(COUNTS))
    for events in of:
        surveys: dict[str, CsatReceived] = {}
        for each in events:
            if isinstance(each, CsatReceived):
                held = surveys.get(each.survey)
                if held is None or (held.responded_at, held.event_id) < (each.responded_at, each.event_id):
                    surveys[each.survey] = each
        closed = next((each for each in events if isinstance(each, TicketClosed)), None)
        about = closed or next(iter(surveys.values()), None)
        if about is None:
            continue
        at = closed.closed_at if closed else min(each.responded_at for each in surveys.values())
        hours, sla, first = about.resolution_time_hours, about.sla_hours, about.first_contact_resolution
        row = rows[about.customer_id, about.ticket_category, at.date().replace(day=1)]
        for i, more in enumerate(
            (
                1,
                bool(surveys),
                len(surveys),
                sum(each.rating for each in surveys.values()),
                hours is not None,
                hours or 0,
                hours is not None and sla is not None,
                hours is not None and sla is not None and hours > sla,
                first is not None,
                bool(first),
                any(isinstance(each, TicketEscalated) for each in events),
            )
        ):
            row[i] += more
    return rows


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_months_are_what_a_count_over_the_events_gives(pool: asyncpg.Pool, seed: int) -> None:
    of = tickets(seed, 400)
    events = [each for one in of for each in one]
    Random(seed).shuffle(events)  # noqa: S311 (reproducible, not secret)
    async with pool.acquire() as connection:
        for i in range(0, len(events), 150):
            await store_events(connection, [Arrival(each, START + timedelta(days=200)) for each in events[i : i + 150]])
    rows = await pool.fetch("select * from support_by_month")
    found = {(r["customer_id"], r["ticket_category"], r["month"]): [r[name] for name in COUNTS] for r in rows}
    assert found == counted(of)


async def test_a_closed_ticket_is_unanswered_until_its_rating_comes(pool: asyncpg.Pool) -> None:
    facts: dict[str, Any] = {"customer_id": "00000000-0000-4000-8000-000000000000", "ticket_id": "T-1"}
    closed = TicketClosed(event_id="c", closed_at=START, **facts)
    rated = CsatReceived(event_id="a", rating=2, responded_at=START + timedelta(days=40), **facts)
    query = "select month, tickets, answered from support_by_month"
    async with pool.acquire() as connection:
        await store_events(connection, [Arrival(closed, START)])
        assert [tuple(row) for row in await connection.fetch(query)] == [(START.date(), 1, 0)]
        await store_events(connection, [Arrival(rated, rated.responded_at)])
        assert [tuple(row) for row in await connection.fetch(query)] == [(START.date(), 1, 1)]


async def test_one_customers_months_are_read_by_index(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("set local enable_seqscan = off")
        plan = await connection.fetch("explain select * from support_by_month where customer_id = $1", "0" * 32)
    text = "\n".join(row[0] for row in plan)
    assert "Seq Scan" not in text
    assert text.count("customer_id = ") >= 1
