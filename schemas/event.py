"""What producers publish on `csat-events`."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, StringConstraints

from schemas.record import CustomerId, Email, Identifier, NoNul, Record, ShortText, Time, Url

Category = Annotated[str, NoNul, StringConstraints(max_length=100, strict=True)]
Subject = Annotated[str, NoNul, StringConstraints(max_length=500, strict=True)]
Feedback = Annotated[str, NoNul, StringConstraints(max_length=20_000, strict=True)]
Rating = Annotated[int, Field(strict=True, ge=1, le=5)]
Hours = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


class Contact(Record):
    """Who answered the survey."""

    id: Identifier | None = None
    """The source's own id of the person."""
    name: ShortText | None = None
    email: Email | None = None
    locale: Annotated[str, NoNul, StringConstraints(max_length=35, strict=True)] | None = None
    """BCP 47, like de-AT: chooses the language of drafts."""


class Ticket(Record):
    """What is known of a ticket, whoever says it."""

    ticket_id: Identifier
    ticket_subject: Subject | None = None
    ticket_category: Category | None = None
    ticket_url: Url | None = None
    """Where the support desk shows it."""
    resolution_time_hours: Hours | None = None
    """From opened to resolved."""
    sla_hours: Hours | None = None
    """What was promised; more than that to the resolution is a broken SLA."""
    first_contact_resolution: bool | None = None
    """Whether the first answer resolved it."""
    was_escalated: bool | None = None
    assignee: ShortText | None = None
    """Who had the ticket in support."""
    message_id: Annotated[str, NoNul, StringConstraints(max_length=998, strict=True)] | None = None
    """The Message-ID of the ticket's e-mail thread (RFC 5322), for a reply that lands in it."""

    @property
    def sla_broken(self) -> bool | None:
        """Whether the resolution took longer than promised; None where either is unknown."""
        if self.resolution_time_hours is None or self.sla_hours is None:
            return None
        return self.resolution_time_hours > self.sla_hours


class CsatReceived(Ticket):
    """A customer answered a satisfaction survey."""

    event_type: Literal["support_csat_received"] = "support_csat_received"
    event_id: Identifier
    """Unique, and the same when the event is sent again: then it changes nothing."""
    customer_id: CustomerId
    rating: Rating
    """1 is worst, 5 is best; other scales are mapped to it by the sender."""
    responded_at: Time
    """When the customer answered. Of two answers to one survey the later one counts."""
    response_id: Identifier | None = None
    """The one survey answer; a later event with the same one replaces it. Without it, the ticket_id."""
    feedback: Feedback | None = None
    """The customer's own words."""
    survey_sent_at: Time | None = None
    """When the survey was sent."""
    rating_raw: Annotated[str, NoNul, StringConstraints(max_length=200)] | int | FiniteFloat | bool | None = None
    """The rating as the source gave it, such as "good"."""
    scale: Annotated[str, NoNul, StringConstraints(max_length=100)] | None = None
    """The scale of rating_raw, in words of the source."""
    contact: Contact | None = None
    """Who answered."""

    @property
    def survey(self) -> str:
        """The one survey this answers: a later answer to it replaces an earlier one."""
        return self.response_id or self.ticket_id


class TicketClosed(Ticket):
    """A ticket was closed, whether or not a survey follows."""

    event_type: Literal["support_ticket_closed"] = "support_ticket_closed"
    event_id: Identifier
    """Unique, and the same when the event is sent again."""
    customer_id: CustomerId
    closed_at: Time


class TicketEscalated(Record):
    """A ticket was escalated."""

    event_type: Literal["support_ticket_escalated"] = "support_ticket_escalated"
    event_id: Identifier
    """Unique, and the same when the event is sent again."""
    customer_id: CustomerId
    ticket_id: Identifier
    escalated_at: Time


class CustomerErased(Record):
    """Forget this customer's personal data."""

    event_type: Literal["support_customer_erased"] = "support_customer_erased"
    event_id: Identifier
    """Unique, and the same when the event is sent again."""
    customer_id: CustomerId
    contact: Contact | None = None
    """The one of the customer's people, by id or e-mail address, whose data it is; none: everybody's."""


Event = Annotated[
    CsatReceived | TicketClosed | TicketEscalated | CustomerErased,
    Field(discriminator="event_type"),
]
