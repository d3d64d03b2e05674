"""What the figures need of an event: read beside the pipeline, at a sixth of the cost of the whole event."""

from datetime import datetime

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder

from schemas.wire import CsatReceived, TicketClosed, TicketEscalated
from streams.validate import decode

RATED, CLOSED, ESCALATED = "support_csat_received", "support_ticket_closed", "support_ticket_escalated"


class Told(Struct, gc=False):
    """An event that was found valid; the fields of other types of events are not looked at."""

    event_type: str
    customer_id: str
    ticket_id: str = ""
    response_id: str | None = None
    rating: int = 0
    was_escalated: bool | None = None
    responded_at: datetime | None = None
    closed_at: datetime | None = None
    escalated_at: datetime | None = None

    @property
    def escalation(self) -> bool:
        """Whether it says that its ticket was escalated."""
        return self.was_escalated is True or self.event_type == ESCALATED

    @property
    def at(self) -> int | None:
        """Its own time in microseconds since 1970; None where it has none."""
        kind = self.event_type
        time = self.responded_at if kind == RATED else self.closed_at if kind == CLOSED else self.escalated_at
        return None if time is None else round(time.timestamp() * 1e6)  # `detect.microseconds`, in place


_decode = Decoder(Told).decode


def told(value: bytes) -> Told:
    """What a record tells. Raises `streams.validate.InvalidEvent` where this is plainly no event."""
    try:
        found = _decode(value)
    except MsgspecError:
        return _whole(value)
    found.customer_id = found.customer_id.lower()
    return found


def _whole(value: bytes) -> Told:
    event = decode(value)
    if isinstance(event, CsatReceived):
        return Told(
            RATED,
            event.customer_id,
            event.ticket_id,
            event.response_id,
            event.rating,
            event.was_escalated,
            responded_at=event.responded_at,
        )
    if isinstance(event, TicketClosed):
        return Told(
            CLOSED, event.customer_id, event.ticket_id, was_escalated=event.was_escalated, closed_at=event.closed_at
        )
    if isinstance(event, TicketEscalated):
        return Told(ESCALATED, event.customer_id, event.ticket_id, escalated_at=event.escalated_at)
    return Told("support_customer_erased", event.customer_id)
