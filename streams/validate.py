"""From the bytes of a record to an event, or to the reason why it is none."""

import json
import re
from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, datetime, timedelta
from enum import StrEnum
from typing import Any, cast

import msgspec
from pydantic import TypeAdapter, ValidationError

from schemas import wire
from schemas.event import CsatReceived, CustomerErased, Event, TicketClosed, TicketEscalated
from streams import cloud_event

FUTURE_TOLERANCE = timedelta(hours=1)
"""How far an event may lie ahead of the record's own time: clocks differ, a wrong year is an error."""

_EVENT: TypeAdapter[CsatReceived | TicketClosed | TicketEscalated | CustomerErased] = TypeAdapter(Event)
_UUID = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
_SHAPES = bytes.maketrans(b"0123456789abcdefx", b"x" * 16 + b" ")
_LONG_FRACTION = re.compile(rb"\.\d{7}").search  # of a second: msgspec rounds what pydantic cuts off
_BACKSLASH = 0x5C
_ESCAPED = (b"\\u0000", b"\\u002", b"\\u003")  # NUL, which the models refuse, and what a long fraction may hide in
_TYPES = ("support_csat_received", "support_ticket_closed", "support_ticket_escalated", "support_customer_erased")


class Invalid(StrEnum):
    """Why a record is no event: the dead letter's error class and a metric's label."""

    EMPTY = "empty"
    NOT_JSON = "not_json"
    UNKNOWN_TYPE = "unknown_type"
    INVALID_FIELD = "invalid_field"
    IN_FUTURE = "in_future"
    UNRESOLVED = "unresolved_customer"
    """An answer of a survey source, of which it is not known whose it is: complete but for the customer."""


class InvalidEvent(Exception):
    """A record that is no event. The text names field, value and fix, and never holds a customer's words."""

    def __init__(self, reason: Invalid, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def validate(value: bytes | None) -> CsatReceived | TicketClosed | TicketEscalated | CustomerErased:
    """The event in a record's value, alone or in a CloudEvent. Raises `InvalidEvent`."""
    if not value:
        raise InvalidEvent(Invalid.EMPTY, "the record has no value: publish one JSON object a record")
    try:
        return _EVENT.validate_json(value)
    except ValidationError as error:
        inside = _inside(value)
        if inside is None:
            raise _explain(error) from None
    try:
        return _EVENT.validate_json(inside)
    except ValidationError as error:
        raise _explain(error) from None


def decode(value: bytes | None) -> wire.Event:
    """The same event for the hot path. Raises `InvalidEvent` for exactly the records that `validate` refuses."""
    if value and _is_plain(value):
        try:
            event = wire.decode_event(value)
        except msgspec.MsgspecError:
            pass  # the models decide, and say why
        else:
            if _are_uuids([event.customer_id]) and _in_calendar(event):
                return event
    return cast("wire.Event", msgspec.convert(validate(value).model_dump(), wire.Event, strict=False))


def decode_all(values: Sequence[bytes | None]) -> Sequence[wire.Event | InvalidEvent]:
    """What `decode` returns or raises for each of many values, in half the time where nothing is wrong with any."""
    given = [value for value in values if value]
    if len(given) == len(values) and _is_plain(b"\n".join(given)):
        try:
            events = list(map(wire.decode_event, given))
        except msgspec.MsgspecError:
            pass  # each for itself
        else:
            if _are_uuids([event.customer_id for event in events]) and all(map(_in_calendar, events)):
                return events
    return [_decoded(value) for value in values]


def _decoded(value: bytes | None) -> wire.Event | InvalidEvent:
    try:
        return decode(value)
    except InvalidEvent as error:
        return error


def _is_plain(value: bytes) -> bool:
    """Whether nothing in a value, or in many of them, is read in another way by msgspec than by the models."""
    # Few values have any escape: looking for a backslash alone takes a tenth of the time.
    return (_BACKSLASH not in value or not any(escape in value for escape in _ESCAPED)) and not _LONG_FRACTION(value)


def _are_uuids(ids: Sequence[str]) -> bool:
    """Whether all of them are UUIDs as they are kept, in lower case."""
    # One look at all of them, a line each: a regular expression takes ten times as long.
    lines = "\n".join(ids)
    return lines.isascii() and lines.encode().translate(_SHAPES) == b"\n".join([_UUID] * len(ids))


def _inside(value: bytes) -> bytes | None:
    """The event in a CloudEvent in structured mode; None: it is none."""
    try:
        return cloud_event.data_of(value)
    except ValueError as error:
        raise InvalidEvent(Invalid.INVALID_FIELD, str(error)) from None


def check_time(
    event: wire.Event | CsatReceived | TicketClosed | TicketEscalated | CustomerErased, arrived: datetime
) -> None:
    """Raises `InvalidEvent` for an event that lies in the future of its record."""
    for field in ("responded_at", "closed_at", "escalated_at"):
        at = getattr(event, field, None)
        if at is not None and at - arrived > FUTURE_TOLERANCE:
            msg = f"{field} is {at.isoformat()}, more than an hour after it arrived: correct the sender's clock"
            raise InvalidEvent(Invalid.IN_FUTURE, msg)


def _in_calendar(event: wire.Event) -> bool:
    # An offset can carry a time out of the years 1 to 9999.
    if event.__class__ is wire.CsatReceived:
        sent = event.survey_sent_at
        return MINYEAR < event.responded_at.year < MAXYEAR and (sent is None or MINYEAR < sent.year < MAXYEAR)
    if isinstance(event, wire.TicketClosed):
        return MINYEAR < event.closed_at.year < MAXYEAR
    return not isinstance(event, wire.TicketEscalated) or MINYEAR < event.escalated_at.year < MAXYEAR


def _explain(error: ValidationError) -> InvalidEvent:
    first = error.errors(include_url=False, include_context=False)[0]
    kind, given = first["type"], first["input"]
    if kind == "json_invalid":
        # The parser's text quotes nothing of the input but its position.
        return InvalidEvent(Invalid.NOT_JSON, f"the value is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        found = given.get("event_type") if isinstance(given, dict) else None
        said = "is missing" if found is None else f"is {_shown(found, 'event_type')}"
        return InvalidEvent(Invalid.UNKNOWN_TYPE, f"event_type {said}: it must be one of {', '.join(_TYPES)}")
    where = [str(part) for part in first["loc"]]
    field = ".".join(where[1:] if where and where[0] in _TYPES else where) or "the value"
    if kind == "missing":
        return InvalidEvent(Invalid.INVALID_FIELD, f"{field} is missing: add it")
    text = first["msg"].removeprefix("Value error, ")
    return InvalidEvent(Invalid.INVALID_FIELD, f"{field} is {_shown(given, field)}: {text[:1].lower()}{text[1:]}")


def _shown(value: Any, field: str) -> str:  # noqa: ANN401 (whatever the sender put there)
    # Texts may be a customer's own: only those of fields that cannot be are shown.
    if isinstance(value, str):
        public = field in {"event_type", "customer_id", "rating"} or field.endswith("_at")
        return f"{value!r:.60}" if public else f"a text of {len(value)} characters"
    if isinstance(value, bool | int | float) or value is None:
        return json.dumps(value)
    return {"dict": "an object", "list": "a list"}.get(type(value).__name__, "something else")
