"""Which week's digest is due?"""

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.policy import WeeklyDigest

_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEK = timedelta(days=7)


class Slot(NamedTuple):
    """A week, and the instant at which its digest is due: one a week, whatever the clocks do meanwhile.

    Attributes:
        week: of ISO 8601, as 2026-W20, by the date in the zone.
        at: aware UTC.
    """

    week: str
    at: datetime


def zone_of(csm_email: str, policy: WeeklyDigest) -> str:
    """The time zone that the CSM lives by."""
    zones = {email.lower(): zone for email, zone in policy.time_zones.items()}
    return zones.get(csm_email.lower(), policy.time_zone)


def last_slot(now: datetime, policy: WeeklyDigest, time_zone: str) -> Slot:
    """The last that is due at `now` (aware). Those before it, where they were missed, are not made up for."""
    zone = ZoneInfo(time_zone)
    # Clocks are set by less than a day: of the days that begin with tomorrow's, one of each weekday is far enough.
    day = now.astimezone(zone).date() + timedelta(days=1)
    day -= timedelta(days=(day.weekday() - _WEEKDAYS.index(policy.weekday)) % 7)
    at = instant(day, policy.hour, zone)
    while at > now:
        day -= _WEEK
        at = instant(day, policy.hour, zone)
    year, week, _ = day.isocalendar()
    return Slot(f"{year:04}-W{week:02}", at)


def instant(day: date, hour: int, zone: ZoneInfo) -> datetime:
    """When it is `hour` in `zone` on that day, in UTC: the first time where it is so twice.

    An hour that the clocks skip gives way to one behind the gap or, where that would be another day, before it. Only a
    day that the zone skips as a whole gives way to the next (Apia had no 30 December 2011).
    """
    # PEP 495: in a gap, fold 0 reads the time by the offset before it, and so lands behind it; fold 1 the other way.
    local = datetime.combine(day, time(hour), tzinfo=zone)
    found = [local.replace(fold=fold).astimezone(UTC) for fold in (0, 1)]
    return next((at for at in found if at.astimezone(zone).date() == day), found[0])
