"""What becomes of a survey source's answer: an event of its customer, or one of those that wait to be resolved."""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from agents.commands import cloud_event
from agents.commands.send import Message
from schemas.event import CsatReceived
from streams.dead_letter import UNKNOWN_PLACE
from streams.sources.answer import NOBODY, Answer, email_of
from streams.sources.whose import Traces, domain_of, whose, why_not
from streams.topology import DEAD_LETTERS, EVENTS, HEADER_BACKFILL
from streams.validate import Invalid
from web.database import Database
from web.source_hook import Taken

FROM = "csatwatch-source"
"""Header of a dead letter that no topic held before: the source that said it."""

TOPICS: Mapping[Taken, str] = {Taken.PUBLISHED: EVENTS, Taken.UNRESOLVED: DEAD_LETTERS}
"""Where an answer goes, without the installation's prefix."""

Send = Callable[[str, Message], Awaitable[None]]
"""Sends a record to a topic, named without prefix; returns when all replicas have it."""


class Intake:
    """Takes answers.

    Args:
        database: where it is looked up whose they are.
        send: sends records.
        events: the full name of the topic of events, for what waits to go there.
    """

    def __init__(self, database: Database, send: Send, events: str) -> None:
        self._database = database
        self._send = send
        self._events = events

    async def take(self, answer: Answer) -> Taken:
        """Publish it. Raises `web.database.Unavailable`, and what `send` raises."""
        taken, message = await made(self._database, answer, self._events)
        await self._send(TOPICS[taken], message)
        return taken


async def made(database: Database, answer: Answer, events: str, *, backfill: bool = False) -> tuple[Taken, Message]:
    """What becomes of an answer, and its record. Raises `web.database.Unavailable`."""
    customer, traces = answer.customer, Traces()
    if customer is None:
        traces = await traces_of(database, answer.unowned)
        customer = whose(traces)
    if customer is not None:
        return Taken.PUBLISHED, _event(answer.event(customer), answer.source, backfill=backfill)
    return Taken.UNRESOLVED, _waiting(answer, traces, events, backfill=backfill)


async def traces_of(database: Database, event: CsatReceived) -> Traces:
    """Which customers the event's ticket and contact lead to. Raises `web.database.Unavailable`."""
    email = email_of(event)
    rows = await database.rows("answer_traces", event.ticket_id, email, domain_of(email))
    found: dict[str, set[str]] = {}
    for row in rows:
        found.setdefault(row["trace"], set()).add(row["customer_id"])
    return Traces(**found)


def unowned(value: bytes | None) -> CsatReceived:
    """The event in a record that waits. Raises `ValueError` where it is none."""
    said: Any = json.loads(value or b"")
    if not isinstance(said, dict):
        raise ValueError("no object")  # noqa: TRY004 (as the other ways to be no event)
    return CsatReceived.model_validate({**said, "customer_id": NOBODY})


def _event(event: CsatReceived, source: str, *, backfill: bool) -> Message:
    return Message(event.customer_id, event.to_json(), (*_headers(event, source), *_silent(backfill=backfill)))


def _waiting(answer: Answer, traces: Traces, topic: str, *, backfill: bool) -> Message:
    event = answer.unowned
    why = why_not(traces, ticket=event.ticket_id, domain=domain_of(email_of(event)))
    told = {
        "csatwatch-error": Invalid.UNRESOLVED,
        "csatwatch-message": why,
        "csatwatch-topic": topic,
        "csatwatch-partition": str(UNKNOWN_PLACE),
        "csatwatch-offset": str(UNKNOWN_PLACE),
        FROM: answer.source,
    }
    value = event.model_dump_json(exclude={"customer_id"}, exclude_none=True).encode()
    headers = (*_headers(event, answer.source), *_silent(backfill=backfill))
    return Message(None, value, (*headers, *((name, text.encode()) for name, text in told.items())))


def _headers(event: CsatReceived, source: str) -> Iterable[tuple[str, bytes]]:
    return cloud_event.headers(
        event_id=event.event_id,
        event_type=event.event_type,
        source=f"/csatwatch/sources/{source}",
        at=event.responded_at,
    )


def _silent(*, backfill: bool) -> Iterable[tuple[str, bytes]]:
    return [(HEADER_BACKFILL, b"1")] if backfill else []
