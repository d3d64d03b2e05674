"""Stretches of the week by the clock on the wall, and time that counts in them alone. Pure.

Each is reckoned in instants: where the clocks are set forward it is shorter, and where they are set back longer.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.notify import WEEKDAYS, Daily

_DAY = timedelta(days=1)
_LONGEST = 15  # stretches that can follow each other without a gap: more than there are in a week


def ends(daily: Daily, zone: ZoneInfo, at: datetime) -> datetime | None:
    """When the stretch that holds `at` is over, with those that follow without a gap; None: none holds it."""
    end: datetime | None = None
    for _ in range(_LONGEST):
        inside = _holding(daily, zone, end or at)
        if inside is None:
            return end
        end = inside
    return end


def after(daily: Daily, zone: ZoneInfo, start: datetime, duration: timedelta) -> datetime:
    """When, from `start` on, `duration` has passed in the stretches."""
    left, reached = duration, start
    for opens, end in _stretches(daily, zone, start):
        # Where one stretch reaches into the next, that time counts once.
        begin = max(opens, reached)
        if end <= begin:
            continue
        if end - begin >= left:
            return begin + left
        left -= end - begin
        reached = end
    raise AssertionError  # the stretches have no end


def _holding(daily: Daily, zone: ZoneInfo, at: datetime) -> datetime | None:
    day = at.astimezone(zone).date()
    found = [_stretch(daily, zone, each) for each in (day - _DAY, day)]
    return max((end for stretch in found if stretch and stretch[0] <= at < (end := stretch[1])), default=None)


def _stretches(daily: Daily, zone: ZoneInfo, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From the one that holds `start`, or the first after it, without end."""
    day = start.astimezone(zone).date() - _DAY
    while True:
        if (found := _stretch(daily, zone, day)) and found[1] > start:
            yield found
        day += _DAY


def _stretch(daily: Daily, zone: ZoneInfo, day: date) -> tuple[datetime, datetime] | None:
    """The stretch that begins on `day`."""
    if WEEKDAYS[day.weekday()] not in daily.days:
        return None
    last = day if daily.start < daily.end else day + _DAY
    # PEP 495: a time that the clocks skip is read by the offset before, one that comes twice is the first.
    begin = datetime.combine(day, daily.start, tzinfo=zone).astimezone(UTC)
    end = datetime.combine(last, daily.end, tzinfo=zone).astimezone(UTC)
    return (begin, end) if begin < end else None
