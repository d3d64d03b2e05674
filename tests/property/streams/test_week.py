"""The digest's day and hour, in every zone and over every change of its clocks."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.policy import WeeklyDigest
from streams.week import Slot, instant, last_slot, zone_of

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ZONES = sorted(available_timezones() - {"Factory", "localtime"})
SKIPPED = {  # days that a zone never had, when it moved across the date line
    date(1993, 8, 21),
    date(1994, 12, 31),
    date(1995, 1, 1),
    date(2011, 12, 30),
}
WEEK = timedelta(days=7)

zones = st.sampled_from(ZONES)
rules = st.builds(
    lambda weekday, hour: WeeklyDigest.model_validate({"weekday": weekday, "hour": hour}),
    st.sampled_from(WEEKDAYS),
    st.integers(0, 23),
)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (naive bounds)


@given(moments, rules, zones)
@example(datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC), WeeklyDigest(weekday="sunday", hour=2), "Europe/Berlin")
@example(datetime(2026, 10, 25, 1, 30, tzinfo=UTC), WeeklyDigest(weekday="sunday", hour=2), "Europe/Berlin")
@example(datetime(2023, 3, 26, 1, 30, tzinfo=UTC), WeeklyDigest(weekday="saturday", hour=22), "America/Godthab")
@example(datetime(2011, 12, 30, 22, 0, tzinfo=UTC), WeeklyDigest(weekday="friday", hour=9), "Pacific/Apia")
def test_the_last_slot_is_due_on_its_day_and_the_next_is_not(now: datetime, rule: WeeklyDigest, zone: str) -> None:
    slot = last_slot(now, rule, zone)
    local = slot.at.astimezone(ZoneInfo(zone))
    assert slot.at <= now < slot.at + WEEK + timedelta(days=2)
    if not near_a_skipped_day(local.date()):
        assert WEEKDAYS[local.weekday()] == rule.weekday
        year, week, _ = local.isocalendar()
        assert slot.week == f"{year}-W{week:02}"
        following = instant(local.date() + WEEK, rule.hour, ZoneInfo(zone))
        assert now < following


@settings(deadline=None)
@given(st.dates(date(1990, 1, 1), date(2044, 1, 1)), rules, zones)
def test_there_is_exactly_one_a_week(first: date, rule: WeeklyDigest, zone: str) -> None:
    # Looked at every few hours for ten weeks.
    start = datetime.combine(first, time(0, 30), UTC)
    seen: dict[str, datetime] = {}
    for hours in range(0, 24 * 70, 5):
        slot = last_slot(start + timedelta(hours=hours), rule, zone)
        assert seen.setdefault(slot.week, slot.at) == slot.at
    assert list(seen) == sorted(seen)
    assert len(seen) in {10, 11}
    times = list(seen.values())
    assert all(timedelta(days=5) < late - early < timedelta(days=9) for early, late in pairwise(times))


@given(moments, moments, rules, zones)
def test_a_later_look_never_sees_an_earlier_slot(one: datetime, other: datetime, rule: WeeklyDigest, zone: str) -> None:
    early, late = sorted((one, other))
    assert last_slot(early, rule, zone).at <= last_slot(late, rule, zone).at


@given(st.dates(date(1990, 1, 1), date(2045, 1, 1)), st.integers(0, 23), zones)
@example(date(2026, 3, 29), 2, "Europe/Berlin")
@example(date(2023, 3, 25), 22, "America/Godthab")
@example(date(2023, 3, 25), 23, "America/Godthab")
@example(date(2018, 11, 4), 0, "America/Sao_Paulo")
@example(date(2011, 12, 30), 9, "Pacific/Apia")
def test_the_day_is_kept(day: date, hour: int, zone: str) -> None:
    found = instant(day, hour, ZoneInfo(zone)).astimezone(ZoneInfo(zone))
    if day not in SKIPPED:
        assert found.date() == day
        exists = datetime.combine(day, time(hour), ZoneInfo(zone)).astimezone(UTC).astimezone(ZoneInfo(zone))
        if exists.hour == hour:
            assert (found.hour, found.minute, found.fold) == (hour, 0, 0)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-29T00:59:00Z", "2026-03-22T01:00:00Z"),  # 02:00 does not exist that night: 03:00 is next
        ("2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"),
        ("2026-10-25T00:00:00Z", "2026-10-25T00:00:00Z"),  # 02:00 comes twice: the first counts
        ("2026-10-25T01:00:00Z", "2026-10-25T00:00:00Z"),
        ("2026-10-31T23:59:00Z", "2026-10-25T00:00:00Z"),
    ],
)
def test_summer_time_begins_and_ends(now: str, due: str) -> None:
    slot = last_slot(datetime.fromisoformat(now), WeeklyDigest(weekday="sunday", hour=2), "Europe/Berlin")
    assert slot.at == datetime.fromisoformat(due)


def test_the_week_is_that_of_the_csms_own_date() -> None:
    # Monday 08:00 in Auckland is Sunday evening in UTC, and of the week that begins there.
    now = datetime(2026, 1, 4, 19, 0, tzinfo=UTC)
    assert last_slot(now, WeeklyDigest(hour=8), "Pacific/Auckland") == Slot("2026-W02", now)
    assert last_slot(now, WeeklyDigest(hour=8), "UTC").week == "2026-W01"


def test_a_csm_has_a_zone_of_their_own() -> None:
    rule = WeeklyDigest(time_zone="Europe/Berlin", time_zones={"Ana@Example.com": "America/New_York"})
    assert zone_of("ana@example.COM", rule) == "America/New_York"
    assert zone_of("bo@example.com", rule) == "Europe/Berlin"


def near_a_skipped_day(day: date) -> bool:
    return any(abs((day - skipped).days) <= 1 for skipped in SKIPPED)
