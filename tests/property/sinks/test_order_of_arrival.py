"""Whatever the order, the batches and the repetitions: the same rows, those of a plain model."""

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemas.event import Contact, CsatReceived, CustomerErased, TicketClosed, TicketEscalated
from sinks.postgres import connect
from sinks.ratings import Arrival, store_events

START = datetime(2026, 3, 1, tzinfo=UTC)
FACTS = ("ticket_subject", "ticket_category", "first_contact_resolution", "sla_hours", "assignee")
ANSWER = ("event_id", "ticket_id", "rating", "responded_at", "feedback", "ticket_subject", "ticket_category", "contact")

# Few of everything: what can go wrong goes wrong where events meet.
times = st.integers(0, 2).map(lambda minutes: START + timedelta(minutes=minutes))
texts = st.none() | st.sampled_from(["a", "B", "é", "\U0001d11e", "\uffee"])
tickets = st.fixed_dictionaries(
    {
        "ticket_id": st.sampled_from(["T-1", "T-1", "T-2"]),
        "ticket_subject": texts,
        "ticket_category": texts,
        "first_contact_resolution": st.none() | st.booleans(),
        "was_escalated": st.none() | st.booleans(),
        "sla_hours": st.none() | st.sampled_from([0.0, 4.0, 0.1]),
        "assignee": texts,
    }
)
answers = st.builds(
    lambda ticket, **more: (CsatReceived, ticket | more),
    tickets,
    rating=st.integers(1, 5),
    responded_at=times,
    response_id=st.sampled_from([None, "R-1"]),
    feedback=texts,
    contact=st.none() | st.just(Contact(name="Ada")),
)
closings = st.builds(lambda ticket, at: (TicketClosed, ticket | {"closed_at": at}), tickets, times)
escalations = st.builds(
    lambda ticket_id, at: (TicketEscalated, {"ticket_id": ticket_id, "escalated_at": at}),
    st.sampled_from(["T-1", "T-2"]),
    times,
)
erasures: st.SearchStrategy[tuple[Any, dict[str, Any]]] = st.just((CustomerErased, {}))
event_ids = st.text(st.sampled_from("aZé\U0001d11e\uffee"), min_size=1, max_size=3)


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Any, int, datetime]]:
    """Events of two customers: how to make each, whose it is, and when it was published."""
    ids = draw(st.lists(event_ids, unique=True, min_size=1, max_size=12))
    return [
        (
            (kind, fields | {"event_id": event_id}),
            draw(st.sampled_from([0, 0, 0, 1])),
            draw(times),
        )
        for event_id in ids
        for kind, fields in [draw(st.one_of(answers, answers, closings, escalations, erasures))]
    ]


@st.composite
def deliveries(draw: st.DrawFn, count: int) -> list[list[int]]:
    """Each of `count` events at least once, in any order, in batches."""
    again = draw(st.lists(st.integers(0, count - 1), max_size=count))
    order = draw(st.permutations([*range(count), *again]))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=3)))
    return [order[start:end] for start, end in itertools.pairwise([0, *cuts, len(order)]) if start < end]


def model(events: Sequence[Arrival]) -> dict[str, dict[Any, dict[str, Any]]]:
    """The rows as the contracts say them, by survey and by ticket."""
    erased = {
        a.event.customer_id: max(b.published_at for b in events if _erases(b, a.event.customer_id))
        for a in events
        if isinstance(a.event, CustomerErased)
    }

    def shown(arrival: Arrival, field: str) -> Any:
        value = getattr(arrival.event, field, None)
        personal = field in {"feedback", "contact", "ticket_subject", "assignee"}
        return None if personal and _said(arrival) <= erased.get(arrival.event.customer_id, _NEVER) else value

    surveys: dict[Any, dict[str, Any]] = {}
    of_tickets: dict[Any, dict[str, Any]] = {}
    for arrival in sorted(events, key=lambda a: (_own_time(a), a.event.event_id.encode())):
        if isinstance(event := arrival.event, CsatReceived):
            surveys[event.customer_id, event.response_id or event.ticket_id] = {f: shown(arrival, f) for f in ANSWER}
    told = [(a, a.event) for a in events if not isinstance(a.event, CustomerErased)]
    for customer_id, ticket_id in {(event.customer_id, event.ticket_id) for _, event in told}:
        mine = [(a, event) for a, event in told if (event.customer_id, event.ticket_id) == (customer_id, ticket_id)]
        row: dict[str, Any] = {}
        for fact in FACTS:
            known = [(_said(a), shown(a, fact)) for a, _ in mine if shown(a, fact) is not None]
            row[fact] = max(known)[1] if known else None
        says = [isinstance(event, TicketEscalated) or event.was_escalated for _, event in mine]
        row["was_escalated"] = True if True in says else False if False in says else None
        closed = [event.closed_at for _, event in mine if isinstance(event, TicketClosed)]
        escalated = [event.escalated_at for _, event in mine if isinstance(event, TicketEscalated)]
        row["closed_at"], row["escalated_at"] = max(closed, default=None), max(escalated, default=None)
        of_tickets[customer_id, ticket_id] = row
    return {"answers": surveys, "tickets": of_tickets}


_NEVER = datetime.min.replace(tzinfo=UTC)


def _erases(arrival: Arrival, customer_id: str) -> bool:
    return isinstance(arrival.event, CustomerErased) and arrival.event.customer_id == customer_id


def _own_time(arrival: Arrival) -> datetime:
    event = arrival.event
    if isinstance(event, CsatReceived):
        return event.responded_at
    if isinstance(event, TicketClosed):
        return event.closed_at
    return event.escalated_at if isinstance(event, TicketEscalated) else _NEVER


def _said(arrival: Arrival) -> datetime:
    return min(_own_time(arrival), arrival.published_at)


async def stored(pool: asyncpg.Pool, customers: Sequence[str]) -> dict[str, dict[Any, dict[str, Any]]]:
    surveys = await pool.fetch("select * from support_satisfaction where customer_id = any($1)", customers)
    of_tickets = await pool.fetch("select * from tickets where customer_id = any($1)", customers)
    return {
        "answers": {
            (row["customer_id"], row["response_id"]): {
                f: Contact(**row[f]) if f == "contact" and row[f] else row[f] for f in ANSWER
            }
            for row in surveys
        },
        "tickets": {
            (row["customer_id"], row["ticket_id"]): {
                f: row[f] for f in (*FACTS, "was_escalated", "closed_at", "escalated_at")
            }
            for row in of_tickets
        },
    }


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    made = await connect(postgres, size=1)
    yield made
    await made.close()


_customers = itertools.count(1)


# The database is made once for all examples: each has customers of its own. Against a database, to look for a smaller
# counterexample takes minutes.
@settings(
    max_examples=200,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), history=histories())
async def test_rows_do_not_depend_on_the_order_of_arrival(
    pool: asyncpg.Pool, data: st.DataObject, history: list[tuple[Any, int, datetime]]
) -> None:
    customers = [str(UUID(int=next(_customers))) for _ in range(2)]
    events = [
        Arrival(kind(customer_id=customers[whose], **fields), published_at)
        for (kind, fields), whose, published_at in history
    ]
    async with pool.acquire() as connection:
        for batch in data.draw(deliveries(len(events))):
            await store_events(connection, [events[n] for n in batch])
    assert await stored(pool, customers) == model(events)
