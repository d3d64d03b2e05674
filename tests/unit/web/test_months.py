from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from web.months import back, by, following, months, total


def _row(month: date, category: str = "", **more: float) -> dict[str, object]:
    names = (
        "tickets answered answers rating_sum low resolved resolution_hours sla_known sla_broken first_contact_known "
        "first_contact escalated"
    )
    return {"month": month, "category": category, **dict.fromkeys(names.split(), 0), **more}


@given(st.dates(date(1980, 1, 1), date(2100, 1, 1)), st.integers(0, 400))
def test_months_are_counted_back_over_years(day: date, number: int) -> None:
    first = back(day, number)
    assert first.day == 1
    assert (day.year - first.year) * 12 + day.month - first.month == number
    assert back(following(first), 1) == first


def test_figures_are_of_all_rows_together() -> None:
    rows = [
        _row(date(2026, 2, 1), "Billing", answers=3, rating_sum=15, resolved=1, resolution_hours=10.0),
        _row(date(2026, 2, 1), "", answers=1, rating_sum=1, resolved=1, resolution_hours=2.0),
        _row(date(2026, 1, 1), "Billing", answers=2, rating_sum=4),
    ]
    assert (total(rows).average, total(rows).resolution, total(()).average) == (20 / 6, 6.0, None)
    assert {key: each.answers for key, each in by(rows, "category").items()} == {"Billing": 5, "": 1}
    assert list(by(rows, "month")) == [date(2026, 2, 1), date(2026, 1, 1)]
    assert [(each.month, each.answers) for each in months(rows[2:])] == [(date(2026, 1, 1), 2)]
