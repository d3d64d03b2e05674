"""Answers, tickets and erasures to their rows, a batch at a time.

Whatever the order, the batches and the repetitions in which events arrive, the rows come out the same.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.event import CsatReceived, CustomerErased, TicketClosed, TicketEscalated
from sinks import erase
from sinks.postgres import Connection, queries

_FACTS = (
    "ticket_subject",
    "ticket_category",
    "ticket_url",
    "resolution_time_hours",
    "sla_hours",
    "first_contact_resolution",
    "assignee",
)
"""The columns of a ticket of which the later statement counts."""
_ANSWER = (
    "customer_id",
    "event_id",
    "ticket_id",
    "ticket_subject",
    "rating",
    "feedback",
    "ticket_category",
    "resolution_time_hours",
    "first_contact_resolution",
    "was_escalated",
    "survey_sent_at",
    "responded_at",
    "contact",
    "rating_raw",
    "scale",
)
_PERSONAL = ("ticket_subject", "feedback", "contact", "assignee")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event and the broker's time of its record."""

    event: CsatReceived | TicketClosed | TicketEscalated | CustomerErased
    published_at: datetime

    @property
    def said_at(self) -> datetime:
        """When it was said. No clock of a sender's can put it after its arrival: an erasure must find it."""
        match self.event:
            case CsatReceived(responded_at=at) | TicketClosed(closed_at=at) | TicketEscalated(escalated_at=at):
                return min(at, self.published_at)
            case CustomerErased():
                return self.published_at


async def store_events(connection: Connection, arrivals: Iterable[Arrival]) -> None:
    """Write a batch in one transaction: all of it is there on return, and nothing of it on an error.

    `connection` is one of `sinks.postgres.connect`. The marks of csm_notified and csm_followed_up stay as they are.
    Raises asyncpg's errors; `sinks.postgres.is_passing` tells which of them go away by themselves.
    """
    batch = list(arrivals)
    sql = queries("store")
    customers = sorted({arrival.event.customer_id for arrival in batch})
    erased = _erasures(batch)
    async with connection.transaction():
        await connection.execute(sql["add_customers"], customers)
        if erased:
            ids, times = sorted(erased), [erased[customer] for customer in sorted(erased)]
            await connection.execute(sql["hold_customers"], ids)
            await connection.execute(sql["erase_customers"], ids, times)
            await connection.execute(sql["erase_answers"], ids, times)
            await connection.execute(sql["erase_tickets"], ids, [_microseconds(at) for at in times])
        known = await connection.fetch(sql["erasures_of"], customers)
        forgotten = {row["customer_id"]: row["erased_at"] for row in known if row["erased_at"]}
        if tickets := ticket_rows(batch, forgotten):
            await connection.execute(sql["upsert_tickets"], tickets)
        if answers := answer_rows(batch, forgotten):
            await connection.execute(sql["upsert_answers"], answers)
        if people := _erased_people(batch):
            await erase.note_people(connection, people)
        # Last, so that what people said who were erased earlier is gone with the batch that brought it once more.
        await erase.forget(connection, customers)


def answer_rows(batch: Iterable[Arrival], erased: Mapping[str, datetime]) -> list[dict[str, Any]]:
    """Of each survey in the batch the answer that counts, as rows of support_satisfaction in plain JSON.

    What was said up to a customer's time in `erased` is without its personal text.
    """
    last: dict[tuple[str, str], tuple[CsatReceived, Arrival]] = {}
    for arrival in batch:
        if isinstance(event := arrival.event, CsatReceived):
            key = (event.customer_id, event.survey)
            # Text compares by code point, which is the order of its UTF-8 bytes.
            if key not in last or (event.responded_at, event.event_id) > (
                last[key][0].responded_at,
                last[key][0].event_id,
            ):
                last[key] = (event, arrival)
    rows = []
    for event, arrival in last.values():
        row = event.model_dump(mode="json", include=set(_ANSWER))
        if _is_forgotten(arrival, erased):
            row |= dict.fromkeys(set(_PERSONAL) & set(_ANSWER))
        rows.append(row | {"response_id": event.survey, "published_at": arrival.published_at.isoformat()})
    return rows


def ticket_rows(batch: Iterable[Arrival], erased: Mapping[str, datetime]) -> list[dict[str, Any]]:
    """What the batch says of each ticket, as rows of tickets in plain JSON.

    What was said up to a customer's time in `erased` is without its personal text.
    """
    tickets: dict[tuple[str, str], _Ticket] = {}
    for arrival in batch:
        if not isinstance(event := arrival.event, CustomerErased):
            ticket = tickets.setdefault((event.customer_id, event.ticket_id), _Ticket())
            ticket.learn(event, arrival.said_at, forget=_is_forgotten(arrival, erased))
    return [
        {"customer_id": customer_id, "ticket_id": ticket_id} | ticket.row()
        for (customer_id, ticket_id), ticket in tickets.items()
    ]


@dataclass(slots=True)
class _Ticket:
    facts: dict[str, tuple[datetime, Any]] = field(default_factory=dict)
    was_escalated: bool | None = None
    closed_at: datetime | None = None
    escalated_at: datetime | None = None

    def learn(self, event: CsatReceived | TicketClosed | TicketEscalated, said_at: datetime, *, forget: bool) -> None:
        if isinstance(event, TicketEscalated):
            self.was_escalated = True
            self.escalated_at = max(self.escalated_at or event.escalated_at, event.escalated_at)
            return
        for name in _FACTS:
            value = getattr(event, name)
            if value is None or (forget and name in _PERSONAL):
                continue
            if name not in self.facts or (said_at, value) > self.facts[name]:
                self.facts[name] = (said_at, value)
        if event.was_escalated is not None:
            self.was_escalated = self.was_escalated or event.was_escalated
        if isinstance(event, TicketClosed):
            self.closed_at = max(self.closed_at or event.closed_at, event.closed_at)

    def row(self) -> dict[str, Any]:
        return {
            **{name: value for name, (_, value) in self.facts.items()},
            "said_at": {name: _microseconds(at) for name, (at, _) in self.facts.items()},
            "was_escalated": self.was_escalated,
            "closed_at": self.closed_at and self.closed_at.isoformat(),
            "escalated_at": self.escalated_at and self.escalated_at.isoformat(),
        }


def _erasures(batch: Iterable[Arrival]) -> dict[str, datetime]:
    erased: dict[str, datetime] = {}
    for arrival in batch:
        if isinstance(event := arrival.event, CustomerErased) and event.contact is None:
            erased[event.customer_id] = max(erased.get(event.customer_id, arrival.published_at), arrival.published_at)
    return erased


def _erased_people(batch: Iterable[Arrival]) -> list[tuple[str, erase.Person, datetime]]:
    found = []
    for arrival in batch:
        if isinstance(event := arrival.event, CustomerErased) and event.contact is not None:
            if event.contact.id is not None:
                found.append((event.customer_id, erase.Person("id", event.contact.id), arrival.published_at))
            if event.contact.email is not None:
                found.append((event.customer_id, erase.Person("email", event.contact.email), arrival.published_at))
    return found


def _is_forgotten(arrival: Arrival, erased: Mapping[str, datetime]) -> bool:
    at = erased.get(arrival.event.customer_id)
    return at is not None and arrival.said_at <= at


def _microseconds(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
