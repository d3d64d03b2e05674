"""An invitation to a call (RFC 5545, RFC 5546). Pure."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event, vCalAddress, vText

from sinks.letter import Mailbox, addr_spec
from sinks.safe_text import clean, one_line


def invitation(
    call_id: UUID,
    *,
    made_at: datetime,
    starts_at: datetime,
    minutes: int,
    title: str,
    description: str,
    place: str | None,
    organizer: Mailbox,
    attendee: Mailbox,
) -> bytes:
    """A calendar of one event that the attendee is asked to accept.

    Times are in UTC, so that no calendar needs a definition of a time zone; each shows its own. The same `call_id`
    gives the same UID: a calendar that gets the invitation twice shows one event. Raises `sinks.letter.BadAddress`.
    """
    event = Event()
    event.add("uid", f"{call_id}@{addr_spec(organizer).rpartition('@')[2]}")
    event.add("dtstamp", made_at.astimezone(UTC))
    event.add("dtstart", starts_at.astimezone(UTC))
    event.add("dtend", starts_at.astimezone(UTC) + timedelta(minutes=minutes))
    event.add("sequence", 0)
    event.add("status", "CONFIRMED")
    event.add("summary", one_line(title))
    event.add("description", clean(description).strip())
    if place:
        event.add("location", one_line(place))
    event.add("organizer", _person(organizer), encode=False)
    invited = _person(attendee)
    for name, value in (("ROLE", "REQ-PARTICIPANT"), ("PARTSTAT", "NEEDS-ACTION"), ("RSVP", "TRUE")):
        invited.params[name] = vText(value)
    event.add("attendee", invited, encode=False)
    calendar = Calendar()
    calendar.add("prodid", "-//csatwatch//csatwatch//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "REQUEST")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _person(mailbox: Mailbox) -> vCalAddress:
    address = vCalAddress(f"mailto:{addr_spec(mailbox)}")
    # A parameter's value has no escape for a double quote (RFC 5545, 3.2).
    if name := one_line(mailbox.name or "").replace('"', "'"):
        address.params["CN"] = vText(name)
    return address
