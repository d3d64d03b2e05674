"""Stretches of the week, held against a count of minutes on the wall."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from schemas.notify import WEEKDAYS, Daily
from streams.hours import after, ends

MINUTE = timedelta(minutes=1)
# Of an hour, half an hour, at midnight, southern, and one that skipped a whole day.
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Asuncion", "Pacific/Apia"]

zones = st.sampled_from(ZONES).map(ZoneInfo)
times = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
instants = st.datetimes(datetime(2009, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda at: at.replace(second=0, microsecond=0)
)
dailies = (
    st.tuples(st.sets(st.sampled_from(WEEKDAYS), min_size=1), times, times)
    .filter(lambda each: each[1] != each[2] or len(each[0]) < len(WEEKDAYS))
    .map(lambda each: Daily(days=frozenset(each[0]), start=each[1], end=each[2]))
)
NIGHT = Daily(start=time(20), end=time(7))
SPRING = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # half an hour before Berlin's clocks are set forward
AUTUMN = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(dailies, zones, instants)
@example(NIGHT, ZoneInfo("Europe/Berlin"), SPRING)
@example(Daily(start=time(2, 30), end=time(3)), ZoneInfo("Europe/Berlin"), SPRING)
@example(Daily(start=time(1), end=time(2, 30)), ZoneInfo("Europe/Berlin"), AUTUMN)
def test_after_its_end_it_is_over(daily: Daily, zone: ZoneInfo, at: datetime) -> None:
    end = ends(daily, zone, at)
    if end is not None:
        assert end > at
        assert ends(daily, zone, end) is None
        assert ends(daily, zone, end - MINUTE) == end, "and not before"


@given(dailies, zones, instants)
def test_it_is_as_the_clock_on_the_wall_says(daily: Daily, zone: ZoneInfo, at: datetime) -> None:
    """Away from the days on which clocks are set."""
    around = {(at + timedelta(days=days)).astimezone(zone).utcoffset() for days in range(-3, 4)}
    if len(around) > 1:
        return
    local = at.astimezone(zone)
    today, yesterday = WEEKDAYS[local.weekday()], WEEKDAYS[local.weekday() - 1]
    clock = local.time()
    if daily.start < daily.end:
        inside = today in daily.days and daily.start <= clock < daily.end
    else:
        inside = (today in daily.days and clock >= daily.start) or (yesterday in daily.days and clock < daily.end)
    assert (ends(daily, zone, at) is not None) == inside


@given(dailies, zones, instants, st.integers(1, 30 * 60))
@example(Daily(days=frozenset(WEEKDAYS[:5]), start=time(9), end=time(17)), ZoneInfo("Europe/Berlin"), SPRING, 600)
def test_time_counts_in_the_stretches_alone(daily: Daily, zone: ZoneInfo, at: datetime, minutes: int) -> None:
    duration = timedelta(minutes=minutes)
    end = after(daily, zone, at, duration)
    counted, moment = timedelta(0), at
    while moment < end:
        inside = ends(daily, zone, moment)
        # From here to the end of the stretch, or to where one may begin: all times are on quarters of an hour.
        step = min(inside or _next_quarter(moment), end) - moment
        counted += step if inside else timedelta(0)
        moment += step
    assert counted == duration


@given(dailies, zones, instants, st.integers(1, 3000), st.integers(0, 3000), st.integers(0, 10_000))
def test_more_time_or_a_later_start_never_ends_sooner(
    daily: Daily, zone: ZoneInfo, at: datetime, minutes: int, more: int, later: int
) -> None:
    end = after(daily, zone, at, minutes * MINUTE)
    assert after(daily, zone, at, (minutes + more) * MINUTE) >= end
    assert after(daily, zone, at + later * MINUTE, minutes * MINUTE) >= end


def test_a_weekend_is_one_stretch() -> None:
    weekend = Daily(days=frozenset({"saturday", "sunday"}), start=time(0), end=time(0))
    berlin = ZoneInfo("Europe/Berlin")
    saturday = datetime(2026, 3, 28, 12, tzinfo=berlin)
    assert ends(weekend, berlin, saturday) == datetime(2026, 3, 30, tzinfo=berlin)
    assert ends(weekend, berlin, datetime(2026, 3, 27, 12, tzinfo=berlin)) is None


def test_eight_business_hours_from_friday_afternoon_end_on_monday() -> None:
    business = Daily(days=frozenset(WEEKDAYS[:5]), start=time(9), end=time(17))
    new_york = ZoneInfo("America/New_York")
    friday = datetime(2026, 3, 6, 16, tzinfo=new_york)  # clocks are set forward on the sunday
    assert after(business, new_york, friday, timedelta(hours=8)) == datetime(2026, 3, 9, 16, tzinfo=new_york)


def _next_quarter(at: datetime) -> datetime:
    return at + (15 - at.minute % 15) * MINUTE
