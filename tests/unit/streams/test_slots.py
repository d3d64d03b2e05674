from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from schemas.notify import Calls, Notify
from streams.hours import ends
from streams.slots import MOST, call_slots, fits, snoozed_until

BERLIN = ZoneInfo("Europe/Berlin")
TUESDAY = datetime(2026, 5, 12, 9, 40, tzinfo=UTC)  # 11:40 in Berlin
NOTIFY = Notify()


def test_calls_are_offered_in_business_hours_of_the_zone_and_not_at_once() -> None:
    slots = call_slots(NOTIFY, BERLIN, TUESDAY)
    assert slots[0].astimezone(BERLIN) == datetime(2026, 5, 12, 14, 0, tzinfo=BERLIN)
    assert {at.astimezone(BERLIN).weekday() for at in slots} == {0, 1, 2, 3, 4}
    assert {(at.astimezone(BERLIN).hour, at.minute) for at in slots} == {(h, m) for h in range(9, 17) for m in (0, 30)}
    assert slots == tuple(sorted(set(slots)))
    for at in slots:
        assert fits(NOTIFY, BERLIN, at, 15, TUESDAY) is None
        assert ends(NOTIFY.business_hours, BERLIN, at) is not None


def test_only_so_many_and_only_so_far() -> None:
    often = NOTIFY.model_copy(update={"calls": Calls(every_minutes=15, days=30)})
    assert len(call_slots(often, BERLIN, TUESDAY)) == MOST
    soon = NOTIFY.model_copy(update={"calls": Calls(days=1)})
    assert max(call_slots(soon, BERLIN, TUESDAY)) <= TUESDAY + timedelta(days=1)


def test_slots_stand_on_the_hour_of_a_zone_with_odd_minutes() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")
    assert {at.astimezone(kathmandu).minute for at in call_slots(NOTIFY, kathmandu, TUESDAY)} == {0, 30}


@pytest.mark.parametrize(
    ("start", "minutes", "why"),
    [
        (TUESDAY - timedelta(minutes=1), 15, "is over"),
        (TUESDAY, 15, "is over"),
        (datetime(2026, 5, 12, 14, 30, tzinfo=UTC), 30, None),
        (datetime(2026, 5, 12, 14, 30, tzinfo=UTC), 45, "would not end within business hours"),
        (datetime(2026, 5, 16, 9, 0, tzinfo=UTC), 15, "would not end within business hours"),
    ],
)
def test_a_call_has_to_end_within_business_hours(start: datetime, minutes: int, why: str | None) -> None:
    found = fits(NOTIFY, BERLIN, start, minutes, TUESDAY)
    assert found is None if why is None else found is not None and found.startswith(why)


@pytest.mark.parametrize(
    ("choice", "end"),
    [
        ("4h", datetime(2026, 5, 12, 13, 40, tzinfo=UTC)),
        ("tomorrow", datetime(2026, 5, 13, 9, 0, tzinfo=BERLIN)),
        ("next_week", datetime(2026, 5, 18, 9, 0, tzinfo=BERLIN)),
        ("2026-11-02", datetime(2026, 11, 2, 9, 0, tzinfo=BERLIN)),
    ],
)
def test_a_snooze_ends_in_the_morning_of_the_zone(choice: str, end: datetime) -> None:
    assert snoozed_until(choice, NOTIFY, BERLIN, TUESDAY) == end


def test_on_a_monday_next_week_is_the_next_monday() -> None:
    monday = datetime(2026, 5, 11, 6, 0, tzinfo=UTC)
    assert snoozed_until("next_week", NOTIFY, BERLIN, monday).astimezone(BERLIN).date().isoformat() == "2026-05-18"


def test_another_choice_is_none() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        snoozed_until("for ever", NOTIFY, BERLIN, TUESDAY)
