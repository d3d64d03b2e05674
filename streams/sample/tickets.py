"""A ticket from its opening to what the customer says of it."""

import random
from datetime import datetime, timedelta
from typing import Any

from schemas.event import Contact, CsatReceived
from streams.sample.accounts import chance
from streams.sample.words import GOOD, POOR, TOPICS, feedback

ASSIGNEES = ("Kim Doyle", "Robin Hale", "Sasha Ivers", "Jules Amari", "Alex Brandt", "Noor Aziz", "Chris Tallis")
SURVEY_DELAY_HOURS = (0.2, 6.0)
"""From the end of a ticket to the survey; the answer follows within as much again."""


def ticket_fields(draw: random.Random, ticket_id: str, rating: int) -> dict[str, Any]:
    """The fields of a ticket that somebody gives this rating for: late where it is poor, in time where it is good."""
    category = draw.choice(tuple(TOPICS))
    topic = TOPICS[category]
    if rating <= POOR:
        share = draw.choice((0.7, 1.1, 1.6, 2.5, 4.0))
    elif rating < GOOD:
        share = draw.uniform(0.5, 1.4)
    else:
        share = draw.uniform(0.03, 0.9)
    hours = round(topic.sla_hours * share, 1)
    return {
        "ticket_id": ticket_id,
        "ticket_subject": draw.choice(topic.subjects),
        "ticket_category": category,
        "ticket_url": f"https://support.example.com/tickets/{ticket_id}",
        "resolution_time_hours": hours,
        "sla_hours": topic.sla_hours,
        "first_contact_resolution": rating >= GOOD and chance(draw, 0.6),
        "was_escalated": chance(draw, 0.35 if rating <= POOR else 0.03),
        "assignee": draw.choice(ASSIGNEES),
    }


def answer(
    draw: random.Random,
    *,
    customer_id: str,
    ticket_id: str,
    rating: int,
    at: datetime,
    contact: Contact | None = None,
    **given: Any,  # noqa: ANN401 (any field of the event)
) -> CsatReceived:
    """One answer to a survey; `given` wins over what is made up."""
    fields = {
        "event_id": event_id(draw),
        **ticket_fields(draw, ticket_id, rating),
        "survey_sent_at": at - timedelta(minutes=draw.randrange(5, 240)),
        "contact": contact,
        **given,
    }
    if "feedback" not in given:
        fields["feedback"] = feedback(draw, fields["ticket_category"], rating)
    return CsatReceived(customer_id=customer_id, rating=rating, responded_at=at, **fields)


def event_id(draw: random.Random) -> str:
    """A fresh id."""
    return f"evt-{draw.getrandbits(64):016x}"
