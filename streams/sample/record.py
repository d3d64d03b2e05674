"""One record of a made-up feed, as a producer would send it."""

from dataclasses import dataclass

from schemas.event import CsatReceived, TicketClosed, TicketEscalated

Event = CsatReceived | TicketClosed | TicketEscalated


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """Key and value for `csat-events`.

    Attributes:
        key: the customer's id; None on a record that nobody can assign.
        event: what the value says; None on a record that is no valid event.
    """

    key: str | None
    value: bytes
    event: Event | None


def record(event: Event) -> SampleRecord:
    """The record of an event."""
    return SampleRecord(event.customer_id, event.to_json(), event)
