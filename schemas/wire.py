"""The records of the detector's hot path as msgspec structs: decoded and encoded five times as fast.

The pydantic models are the contract. What a decoder here accepts, they accept with equal values; what it refuses, they
decide (streams/validate.py); what is encoded here, they read back. Property tests hold that.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Raw, Struct, UnsetType
from msgspec.json import Decoder, Encoder

Identifier = Annotated[str, Meta(min_length=1, max_length=200)]
ShortText = Annotated[str, Meta(max_length=200)]
Time = Annotated[datetime, Meta(tz=True)]
Hours = Annotated[float, Meta(ge=0, le=1_000_000)]
_EMAIL = r"^[^@\s<>,;\"]+@[^@\s<>,;\"]+$"


class Contact(Struct, frozen=True, omit_defaults=True, gc=False):
    """`schemas.event.Contact`."""

    id: Identifier | None = None
    name: ShortText | None = None
    email: Annotated[str, Meta(max_length=320, pattern=_EMAIL)] | None = None
    locale: Annotated[str, Meta(max_length=35)] | None = None


class Ticket(Struct, frozen=True, omit_defaults=True, gc=False):
    """`schemas.event.Ticket`."""

    ticket_id: Identifier
    ticket_subject: Annotated[str, Meta(max_length=500)] | None = None
    ticket_category: Annotated[str, Meta(max_length=100)] | None = None
    ticket_url: Annotated[str, Meta(max_length=2000, pattern="^https?://")] | None = None
    resolution_time_hours: Hours | None = None
    sla_hours: Hours | None = None
    first_contact_resolution: bool | None = None
    was_escalated: bool | None = None
    assignee: ShortText | None = None
    message_id: Annotated[str, Meta(max_length=998)] | None = None

    @property
    def sla_broken(self) -> bool:
        """Whether the resolution is known to have taken longer than promised."""
        return (
            self.resolution_time_hours is not None
            and self.sla_hours is not None
            and self.resolution_time_hours > self.sla_hours
        )


class CsatReceived(Ticket, frozen=True, kw_only=True, gc=False, tag_field="event_type", tag="support_csat_received"):
    """`schemas.event.CsatReceived`."""

    event_id: Identifier
    customer_id: str
    rating: Annotated[int, Meta(ge=1, le=5)]
    responded_at: Time
    response_id: Identifier | None = None
    feedback: Annotated[str, Meta(max_length=20_000)] | None = None
    survey_sent_at: Time | None = None
    rating_raw: Annotated[str, Meta(max_length=200)] | int | float | bool | None = None
    scale: Annotated[str, Meta(max_length=100)] | None = None
    contact: Contact | None = None

    @property
    def survey(self) -> str:
        """The one survey this answers."""
        return self.response_id or self.ticket_id


class TicketClosed(Ticket, frozen=True, kw_only=True, gc=False, tag_field="event_type", tag="support_ticket_closed"):
    """`schemas.event.TicketClosed`."""

    event_id: Identifier
    customer_id: str
    closed_at: Time


class TicketEscalated(Struct, frozen=True, gc=False, tag_field="event_type", tag="support_ticket_escalated"):
    """`schemas.event.TicketEscalated`."""

    event_id: Identifier
    customer_id: str
    ticket_id: Identifier
    escalated_at: Time


class CustomerErased(Struct, frozen=True, gc=False, tag_field="event_type", tag="support_customer_erased"):
    """`schemas.event.CustomerErased`."""

    event_id: Identifier
    customer_id: str
    contact: Contact | None = None


Event = CsatReceived | TicketClosed | TicketEscalated | CustomerErased

decode_event: Callable[[bytes], Event] = Decoder(Event).decode
"""An event out of a record's value. Raises `msgspec.MsgspecError`."""


class Context(Struct, frozen=True, omit_defaults=True, gc=False):
    """`schemas.alert.Context`."""

    tickets_30d: int
    low_ratings_30d: int
    previous_avg: float | None = None
    previous_n: int | None = None
    category_usual: float | None = None
    escalated_at: datetime | None = None
    renewal_in_days: int | None = None


class Trend(Struct, frozen=True, omit_defaults=True, gc=False):
    """`schemas.alert.Trend`."""

    recent_n: int
    baseline_n: int
    since: datetime
    evidence: str
    recent_avg: float | None = None
    baseline_avg: float | None = None
    drop: float | None = None
    p: float | None = None


class CustomerTrend(Trend, frozen=True, kw_only=True, gc=False):
    """`schemas.alert.CustomerTrend`."""

    customer_id: str
    as_of: datetime


class SuggestedAction(Struct, frozen=True, gc=False):
    """`schemas.alert.SuggestedAction`."""

    kind: str
    why: str


class Routed(Struct, frozen=True, omit_defaults=True, gc=False):
    """`schemas.alert.Routed`."""

    to: str
    channel: str | None = None


class PolicyVersion(Struct, frozen=True, gc=False):
    """`schemas.alert.PolicyVersion`."""

    name: str
    version: str


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, rename={"schema_version": "schema"}):
    """`schemas.alert.Alert`; `customer` is the account as encoded by its own model."""

    alert_id: str
    customer_id: str
    event_id: str
    response_id: str
    revision: int
    status: str
    kind: str
    severity: str
    occurred_at: datetime
    detected_at: datetime
    ticket: Ticket
    rating: int
    context: Context
    reasons: tuple[str, ...]
    policy: PolicyVersion
    schema_version: int | UnsetType = UNSET
    customer: Raw | None = None
    contact: Contact | None = None
    survey_sent_at: datetime | None = None
    feedback: str | None = None
    trend: Trend | None = None
    suggested_actions: tuple[SuggestedAction, ...] = ()
    route: Routed | None = None
    silent: bool | UnsetType = UNSET


decode_alert = Decoder(Alert).decode
"""An alert that was encoded here."""

encode = Encoder().encode
"""Any of these as UTF-8 JSON."""
