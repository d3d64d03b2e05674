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
    name: ShortText | None = None
    email: Email | None = None
    locale: Annotated[str, NoNul, StringConstraints(max_length=35, strict=True)] | None = None


class Ticket(Record):
    """What is known of a ticket, whoever says it."""

    ticket_id: Identifier
    ticket_subject: Subject | None = None
    ticket_category: Category | None = None
    ticket_url: Url | None = None
    resolution_time_hours: Hours | None = None
    sla_hours: Hours | None = None
    first_contact_resolution: bool | None = None
    was_escalated: bool | None = None
    assignee: ShortText | None = None
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
    customer_id: CustomerId
    rating: Rating
    responded_at: Time
    response_id: Identifier | None = None
    feedback: Feedback | None = None
    survey_sent_at: Time | None = None
    rating_raw: Annotated[str, NoNul, StringConstraints(max_length=200)] | int | FiniteFloat | bool | None = None
    scale: Annotated[str, NoNul, StringConstraints(max_length=100)] | None = None
    contact: Contact | None = None

    @property
    def survey(self) -> str:
        """The one survey this answers: a later answer to it replaces an earlier one."""
        return self.response_id or self.ticket_id


class TicketClosed(Ticket):
    """A ticket was closed, whether or not a survey follows."""

    event_type: Literal["support_ticket_closed"] = "support_ticket_closed"
    event_id: Identifier
    customer_id: CustomerId
    closed_at: Time


class TicketEscalated(Record):
    """A ticket was escalated."""

    event_type: Literal["support_ticket_escalated"] = "support_ticket_escalated"
    event_id: Identifier
    customer_id: CustomerId
    ticket_id: Identifier
    escalated_at: Time


class CustomerErased(Record):
    """Forget this customer's personal data."""

    event_type: Literal["support_customer_erased"] = "support_customer_erased"
    event_id: Identifier
    customer_id: CustomerId
    contact: Contact | None = None
    """The one of the customer's people, by id or e-mail address, whose data it is; none: everybody's."""


Event = Annotated[
    CsatReceived | TicketClosed | TicketEscalated | CustomerErased,
    Field(discriminator="event_type"),
]
