"""One answer of a source, as an event that lacks but its customer."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from schemas.event import CsatReceived
from schemas.record import CustomerId
from schemas.scale import key, rating
from schemas.source import ContactFields, Fields, Shape, Source
from streams.sources.pick import first, meant
from streams.validate import FUTURE_TOLERANCE

NOBODY = str(UUID(int=0))
"""Stands for the customer until it is known whose answer it is."""

_NAMESPACE = UUID("5f6c2a0e-5b0d-5b55-9d0c-3a1f7f0f9e21")
_CUSTOMER: TypeAdapter[str] = TypeAdapter(CustomerId)
_MILLISECONDS = 10**11  # seconds since 1970 have fewer digits until the year 5138
_NUMBER = re.compile(r"\d+(\.\d*)?", re.ASCII).fullmatch
_UTC = re.compile(r" UTC$")
_HALF = re.compile("[\ud800-\udfff]")  # of a character: JSON can hold it, UTF-8 cannot
_LONGEST = {
    "ticket_subject": 500,
    "ticket_category": 100,
    "feedback": 20_000,
    "assignee": 200,
    "name": 200,
}
_SHAPES = {
    "ticket_id": "text of 1 to 200 characters",
    "response_id": "text of 1 to 200 characters, with the name of the source before it",
    "responded_at": "a time in the years 1 to 9999",
}
"""Of the fields without which there is no event; what was read of the others is valid already."""
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class Unmappable(Exception):
    """What should be an answer and is none. The text names field and fix, and never holds a customer's words.

    Attributes:
        field: of the event.
    """

    def __init__(self, field: str, text: str) -> None:
        super().__init__(f"{field} {text}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Answer:
    """What a customer answered.

    Attributes:
        source: who says it.
        customer: whose it is by the source's own word; None: it does not say.
        unowned: the event, whose customer is `NOBODY`.
    """

    source: str
    customer: str | None
    unowned: CsatReceived

    def event(self, customer_id: str) -> CsatReceived:
        """The event as this customer's."""
        return self.unowned.model_copy(update={"customer_id": customer_id})


def email_of(event: CsatReceived) -> str | None:
    """The address of who answered, in lower case."""
    return event.contact.email.lower() if event.contact is not None and event.contact.email else None


def answer(source: Source, shape: Shape, item: Any, arrived: datetime) -> Answer | None:  # noqa: ANN401 (any JSON)
    """The answer in `item`, one of those that `items` gives; None: it is none, and nothing is amiss.

    An answer without a time of its own was given when it `arrived`. What is too long is cut, and an optional field
    that does not hold what it should is left out. Raises `Unmappable`.
    """
    if not meant(shape, item):
        return None
    fields = shape.fields
    response = f"{source.source}-{_needed(item, 'response', fields.response)}"
    raw = first(item, shape.rating.path)
    if raw is None:
        raise _missing("rating", shape.rating.path)
    found = rating(shape.rating.scale.values, raw) if isinstance(raw, str | int | float) else None
    if found is None:
        shown = str(raw) if isinstance(raw, int | float) else "something else"
        values = ", ".join(shape.rating.scale.values)
        raise Unmappable("rating", f"is {shown}: on the scale {shape.rating.scale.name} it is one of {values}")
    said: dict[str, Any] = {
        "customer_id": NOBODY,
        "response_id": response,
        "ticket_id": _needed(item, "ticket_id", fields.ticket_id),
        "rating": found,
        "rating_raw": raw,
        "scale": shape.rating.scale.name,
        "responded_at": _responded(item, fields, shape, arrived),
        "survey_sent_at": _moment(first(item, fields.survey_sent_at), shape.time_zone),
        "contact": _texts(item, fields.contact, ContactFields.model_fields) or None,
        **_texts(
            item, fields, ("ticket_subject", "ticket_category", "ticket_url", "feedback", "assignee", "message_id")
        ),
        **{name: first(item, getattr(fields, name)) for name in ("resolution_time_hours", "sla_hours")},
    }
    # Of the answer alone, so that a webhook that comes again, a poll and an export all name it alike; another rating
    # or another word to the same survey is another event.
    what = json.dumps([response, key(raw), said.get("feedback")])
    said["event_id"] = str(uuid5(_NAMESPACE, what))
    return Answer(source.source, _customer(item, fields), _valid(said))


def _valid(said: dict[str, Any]) -> CsatReceived:
    while True:
        try:
            return CsatReceived.model_validate(said)
        except ValidationError as error:
            wrong = error.errors(include_url=False, include_context=False)
        for each in wrong:
            top, *below = (str(part) for part in each["loc"])
            if top == "contact" and below:
                said["contact"] = {name: text for name, text in said["contact"].items() if name != below[0]} or None
            elif top in said and top not in _SHAPES:
                del said[top]
            else:
                raise Unmappable(top, f"cannot be used: it must be {_SHAPES.get(top, 'another')}")


def _texts(item: Any, fields: Fields | ContactFields, names: Iterable[str]) -> dict[str, str]:  # noqa: ANN401 (any JSON)
    found = {name: _text(first(item, getattr(fields, name)), _LONGEST.get(name)) for name in names}
    return {name: text for name, text in found.items() if text is not None}


def _text(value: object, longest: int | None = None) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = _HALF.sub("\N{REPLACEMENT CHARACTER}", str(value).strip())
    return text if longest is None or len(text) <= longest else text[: longest - 1] + _ELLIPSIS


def _needed(item: Any, name: str, paths: Iterable[str]) -> str:  # noqa: ANN401 (any JSON)
    text = _text(first(item, paths))
    if text is None:
        raise _missing(name, paths)
    return text


def _missing(name: str, paths: Iterable[str]) -> Unmappable:
    return Unmappable(name, f"is missing: nothing usable stands at {' or '.join(paths)}")


def _customer(item: Any, fields: Fields) -> str | None:  # noqa: ANN401 (any JSON)
    # Whatever is no UUID of ours is the source's own id, which says nothing here.
    for path in fields.customer or ():
        try:
            return _CUSTOMER.validate_python(first(item, (path,)))
        except ValidationError:
            continue
    return None


def _responded(item: Any, fields: Fields, shape: Shape, arrived: datetime) -> datetime:  # noqa: ANN401 (any JSON)
    given = first(item, fields.responded_at)
    if given is None:
        return arrived
    at = _moment(given, shape.time_zone)
    if at is None:
        raise Unmappable(
            "responded_at", "is no time: it must be RFC 3339, seconds since 1970, or have a time_zone in the mapping"
        )
    if at - arrived > FUTURE_TOLERANCE:
        raise Unmappable("responded_at", f"is {at.isoformat()}, more than an hour from now: correct the sender's clock")
    return at


def _moment(value: object, time_zone: str | None) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = str(value).strip()
    try:
        at = _counted(float(text)) if _NUMBER(text) else datetime.fromisoformat(_UTC.sub("+00:00", text))
        if at.tzinfo is None:
            if time_zone is None:
                return None
            at = at.replace(tzinfo=ZoneInfo(time_zone))
        return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _counted(since_1970: float) -> datetime:
    seconds = since_1970 / 1000 if abs(since_1970) >= _MILLISECONDS else since_1970
    return datetime.fromtimestamp(seconds, UTC)
