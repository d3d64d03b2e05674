"""Which times are offered: for a call, and for the end of a snooze. Pure: the time now is an argument."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.notify import Notify
from streams.hours import ends

MOST = 100
"""Times that can be offered at once."""


def call_slots(notify: Notify, zone: ZoneInfo, now: datetime) -> tuple[datetime, ...]:
    """Starts of calls, aware UTC, the soonest first: those after which the shortest call still ends in business hours.

    They stand on the hour of `zone`, and on what `every_minutes` divides it into.
    """
    return tuple(at for at, _ in zip(_slots(notify, zone, now), range(MOST), strict=False))


def fits(notify: Notify, zone: ZoneInfo, start: datetime, minutes: int, now: datetime) -> str | None:
    """Why a call cannot be at that time; None: it can."""
    if start <= now:
        return "is over: choose a later time"
    end = ends(notify.business_hours, zone, start)
    if end is None or start + timedelta(minutes=minutes) > end:
        return "would not end within business hours: choose an earlier time or a shorter call"
    return None


def snoozed_until(choice: str, notify: Notify, zone: ZoneInfo, now: datetime) -> datetime:
    """When a snooze of `4h`, `tomorrow`, `next_week` or an ISO date ends: a day begins with business hours, in `zone`.

    Raises `ValueError` where it is none of these.
    """
    today = now.astimezone(zone).date()
    match choice:
        case "4h":
            return now + timedelta(hours=4)
        case "tomorrow":
            day = today + timedelta(days=1)
        case "next_week":
            day = today + timedelta(days=7 - today.weekday())
        case _:
            day = date.fromisoformat(choice)
    return datetime.combine(day, notify.business_hours.start, tzinfo=zone).astimezone(UTC)


def _slots(notify: Notify, zone: ZoneInfo, now: datetime) -> Iterator[datetime]:
    step = timedelta(minutes=notify.calls.every_minutes)
    first = now + timedelta(hours=notify.calls.notice_hours)
    last = now + timedelta(days=notify.calls.days)
    at = first.astimezone(zone).replace(minute=0, second=0, microsecond=0).astimezone(UTC)
    while at <= last:
        if at >= first and fits(notify, zone, at, min(notify.calls.minutes), now) is None:
            yield at
        at += step
