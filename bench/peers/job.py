"""What is the same for every peer written in Python: the job itself, and what it is told by its environment."""

import os
import uuid
from datetime import datetime
from typing import Annotated

import msgspec

BROKER = os.environ["BROKER"]
GROUP = os.environ["GROUP"]
FEED = os.environ["FEED"]
ALERTS = os.environ["ALERTS"]
STATE_DIR = os.environ["STATE_DIR"]
LINGER_MS = float(os.environ["LINGER_MS"])
FETCH_BYTES = 4 << 20

_DAY = 86400.0

Id = Annotated[str, msgspec.Meta(min_length=1)]
Ratings = list[tuple[float, int, str]]
"""Time in seconds since 1970, rating, ticket."""


class Event(msgspec.Struct):
    """A rating, with the fields that the job looks at."""

    event_id: str
    customer_id: Id
    ticket_id: Id
    rating: Annotated[int, msgspec.Meta(ge=1, le=5)]
    responded_at: datetime
    ticket_subject: str | None = None
    feedback: str | None = None


class Window(msgspec.Struct, array_like=True):
    """One customer's state: the time of the last alert on the trend, and the ratings of 90 days."""

    alerted: float | None = None
    ratings: Ratings = []


decode = msgspec.json.Decoder(Event).decode
encode = msgspec.json.Encoder().encode


def fold(window: Window, at: float, rating: int, ticket: str) -> list[str]:
    """Take a rating in. Returns the kinds of the alerts that it raises."""
    ratings = window.ratings
    ratings.append((at, rating, ticket))
    if ratings[0][0] < at - 90 * _DAY:
        ratings = window.ratings = [each for each in ratings if each[0] >= at - 90 * _DAY]
    recent_from = at - 30 * _DAY
    recent_n = recent = baseline_n = baseline = 0
    for then, stars, _ in ratings:
        if then >= recent_from:
            recent_n += 1
            recent += stars
        else:
            baseline_n += 1
            baseline += stars
    kinds = []
    if (
        recent_n >= 3
        and baseline_n >= 5
        and 5 * recent * baseline_n < 4 * baseline * recent_n
        and (window.alerted is None or at - window.alerted >= 7 * _DAY)
    ):
        window.alerted = at
        kinds.append("trend_drop")
    if rating <= 2:
        kinds.append("low_rating")
    return kinds


def alert_id(event_id: str) -> str:
    """The same for the same event, however often it is processed."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, event_id))


def take(window: Window, event: Event) -> list[bytes]:
    """Take an event in. Returns the alerts to produce."""
    return [
        encode(
            {
                "alert_id": alert_id(event.event_id),
                "kind": kind,
                "customer_id": event.customer_id,
                "rating": event.rating,
                "ticket_id": event.ticket_id,
                "subject": event.ticket_subject,
                "feedback": event.feedback,
            }
        )
        for kind in fold(window, event.responded_at.timestamp(), event.rating, event.ticket_id)
    ]


class Progress:
    """Counts what was handled, so that a peer ends by itself with the feed: it commits then, not an interval later."""

    def __init__(self) -> None:
        self._left = int(os.environ["EVENTS"])  # 0 for a feed without an end

    def ended(self, handled: int = 1) -> bool:
        """Note that so many events more are handled; whether they were the last."""
        self._left -= handled
        return self._left == 0
