"""What an invitation to a call says, in the customer's language where there is a template for it."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path

from schemas import template
from schemas.alert import Alert
from schemas.event import Contact
from schemas.yaml_file import BadFile
from sinks.languages import ByLanguage, in_language, over, read
from sinks.safe_text import clean, one_line

_NAME = "invitation"
_FOLDER = "calls"
_EXTRA = frozenset(
    {
        "recipient.name",
        "call.date",
        "call.weekday",
        "call.day",
        "call.month",
        "call.year",
        "call.time",
        "call.time_zone",
        "call.minutes",
        "call.place",
        "call.note",
        "call.organizer",
    }
)
"""What its template may use beside the alert's fields; the date in English, and its parts for other languages."""
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True)
class Call:
    """What was arranged.

    Attributes:
        at: when, in the zone that the customer is told it in.
        zone: that zone's name.
        note: what the person who asks says of it.
        organizer: who invites.
    """

    at: datetime
    zone: str
    minutes: int
    place: str | None = None
    note: str | None = None
    organizer: str | None = None


def use(directory: Path | None) -> None:
    """From now on take this process's templates from its folder `calls`, if there is one. Raises `BadFile`."""
    own = directory / _FOLDER if directory else None
    found = over(_shipped(), own if own and own.is_dir() else None, _EXTRA)
    if strange := [name for name in found if name != _NAME]:
        raise BadFile(f"{own}: {strange[0]}.txt is no text of a call: write {_NAME}.txt, or {_NAME}.LANGUAGE.txt")
    _own[:] = [found]


_own: list[ByLanguage] = []


@cache
def _shipped() -> ByLanguage:
    return read(files("sinks") / "templates" / _FOLDER, _EXTRA)


def words(alert: Alert, to: Contact | None, call: Call) -> str:
    """The invitation's text. Raises `schemas.template.BadTemplate`."""
    at = call.at
    extra = {
        "recipient.name": to.name if to else None,
        "call.date": f"{at:%A, %-d %B %Y}",
        "call.weekday": _WEEKDAYS[at.weekday()],
        "call.day": f"{at:%d}",
        "call.month": f"{at:%m}",
        "call.year": f"{at:%Y}",
        "call.time": f"{at:%H:%M}",
        "call.time_zone": call.zone,
        "call.minutes": call.minutes,
        "call.place": one_line(call.place or "") or None,
        "call.note": clean(call.note or "").strip() or None,
        "call.organizer": call.organizer,
    }
    texts = (_own[0] if _own else _shipped())[_NAME]
    return template.render(in_language(texts, to.locale if to else None), alert, extra).strip()
