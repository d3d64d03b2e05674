"""Where the next page begins: the last row of this one, in an address."""

from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from starlette.exceptions import HTTPException


def addresses(path: str, **chosen: str | None) -> Callable[..., str]:
    """Makes the address of `path` with what is chosen now and the changes to it; None leaves a choice out."""

    def address(**changes: str | None) -> str:
        asked = {name: value for name, value in (chosen | changes).items() if value is not None}
        return f"{path}?{urlencode(asked)}"

    return address


def mark(at: datetime | str, row_id: UUID) -> str:
    """The row's place as text for an address."""
    return f"{at.isoformat() if isinstance(at, datetime) else at}~{row_id}"


def time_of(text: str | None) -> tuple[datetime, UUID] | tuple[None, None]:
    """The place that `mark` wrote for a row in time; nothing where there is no text. A wrong one is an HTTP 400."""
    if text is None:
        return None, None
    at, _, row_id = text.rpartition("~")
    try:
        place = datetime.fromisoformat(at), UUID(row_id)
    except ValueError:
        raise HTTPException(400) from None
    if place[0].tzinfo is None:
        raise HTTPException(400)
    return place


def name_of(text: str | None) -> tuple[str, UUID] | tuple[None, None]:
    """The place that `mark` wrote for a row by name; nothing where there is no text. A wrong one is an HTTP 400."""
    if text is None:
        return None, None
    name, _, row_id = text.rpartition("~")
    if "\0" in name:
        raise HTTPException(400)
    try:
        return name, UUID(row_id)
    except ValueError:
        raise HTTPException(400) from None
