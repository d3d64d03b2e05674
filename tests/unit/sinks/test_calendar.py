"""Read by another library than the one that wrote it."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest

from sinks.calendar import invitation
from sinks.letter import BadAddress, Mailbox

ID = UUID("11111111-2222-3333-4444-555555555555")
FIELDS: dict[str, Any] = {
    "made_at": datetime(2026, 5, 12, 9, 30, tzinfo=UTC),
    "starts_at": datetime(2026, 5, 18, 16, 0, tzinfo=timezone(timedelta(hours=2))),
    "minutes": 45,
    "title": "Your support request TKT-1",
    "description": "Hello",
    "place": None,
    "organizer": Mailbox("ana@example.com", "Ana Diaz"),
    "attendee": Mailbox("pat@globaltech.example", "Pat Lee"),
}


def read(text: bytes) -> Any:
    import vobject  # type: ignore[import-untyped]

    return vobject.readOne(text.decode())


def test_a_calendar_reads_the_request() -> None:
    calendar = read(invitation(ID, **FIELDS))
    assert (calendar.method.value, calendar.version.value) == ("REQUEST", "2.0")
    event = calendar.vevent
    assert event.uid.value == f"{ID}@example.com"
    assert event.dtstart.value == datetime(2026, 5, 18, 14, 0, tzinfo=UTC)
    assert event.dtend.value - event.dtstart.value == timedelta(minutes=45)
    assert event.dtstamp.value == FIELDS["made_at"]
    assert event.sequence.value == "0"
    assert event.status.value == "CONFIRMED"
    assert (event.organizer.value, event.organizer.params["CN"]) == ("mailto:ana@example.com", ["Ana Diaz"])
    assert event.attendee.value == "mailto:pat@globaltech.example"
    assert event.attendee.params == {
        "CN": ["Pat Lee"],
        "ROLE": ["REQ-PARTICIPANT"],
        "PARTSTAT": ["NEEDS-ACTION"],
        "RSVP": ["TRUE"],
    }
    assert not hasattr(event, "location")


def test_the_same_call_has_the_same_uid_whatever_changes() -> None:
    moved = FIELDS | {"starts_at": FIELDS["starts_at"] + timedelta(days=1), "title": "Another"}
    assert read(invitation(ID, **FIELDS)).vevent.uid.value == read(invitation(ID, **moved)).vevent.uid.value


HOSTILE = 'a, b; c\\ "d"\r\nATTENDEE:mailto:evil@example.com\r\nBEGIN:VALARM ' + "ü" * 200


def test_text_is_escaped_folded_and_read_back() -> None:
    text = invitation(
        ID,
        **FIELDS
        | {
            "title": HOSTILE,
            "description": HOSTILE,
            "place": HOSTILE,
            "attendee": Mailbox("pat@globaltech.example", HOSTILE),
        },
    )
    lines = text.split(b"\r\n")
    assert max(map(len, lines)) <= 75  # octets: RFC 5545, 3.1
    assert b"\n" not in text.replace(b"\r\n", b"")
    event = read(text).vevent
    assert [each.value for each in event.attendee_list] == ["mailto:pat@globaltech.example"]
    assert not hasattr(event, "valarm")
    one_line = " ".join(HOSTILE.split())
    assert event.summary.value == one_line
    assert event.location.value == one_line
    assert event.description.value == HOSTILE.replace("\r\n", "\n")
    assert event.attendee.params["CN"] == [one_line.replace('"', "'")]


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(BadAddress):
        invitation(ID, **FIELDS | {"attendee": Mailbox("nobody")})
