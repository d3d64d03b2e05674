from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.alert import CustomerTrend, Evidence
from web.history import chart, trailing_means

_START = datetime(2026, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)


def test_a_mean_forgets_what_is_older() -> None:
    ratings = [(_START, 5), (_START + 2 * _DAY, 3), (_START + 4 * _DAY, 1)]
    assert trailing_means(ratings, 2 * _DAY) == [5, 4, 2]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 5)), max_size=40), st.integers(0, 90))
def test_each_mean_is_that_of_its_window(days: list[tuple[int, int]], over: int) -> None:
    ratings = [(_START + day * _DAY, rating) for day, rating in sorted(days)]
    for index, mean in enumerate(trailing_means(ratings, over * _DAY)):
        at = ratings[index][0]
        inside = [rating for when, rating in ratings[: index + 1] if when >= at - over * _DAY]
        assert mean == round(sum(inside) / len(inside), 2)


def test_the_series_are_of_one_length_and_mark_the_alerts_that_hold() -> None:
    ratings = [
        {"response_id": name, "ticket_id": f"T-{name}", "ticket_subject": None, "rating": 1, "responded_at": _START}
        for name in ("a", "b", "c")
    ]
    alerts = [
        {"alert_id": UUID(int=1), "response_id": "a", "kind": "poor_rating", "status": "firing"},
        {"alert_id": UUID(int=2), "response_id": "b", "kind": "poor_rating", "status": "retracted"},
    ]
    drawn = chart(ratings, alerts, None)
    assert {len(series) for series in drawn.values() if series is not None} == {3}
    assert drawn["alert_id"] == [str(UUID(int=1)), None, None]
    assert drawn["alert"] == ["poor_rating", None, None]
    assert drawn["ticket"] == ["T-a", "T-b", "T-c"]


@pytest.mark.parametrize(
    ("evidence", "baseline", "recent", "since"),
    [
        (Evidence.STRONG, 4.5, 3.0, _START.timestamp()),
        (Evidence.WEAK, 4.5, 3.0, _START.timestamp()),
        (Evidence.INSUFFICIENT, 4.5, None, None),
    ],
)
def test_the_change_is_drawn_where_there_is_evidence_of_one(
    evidence: Evidence, baseline: float, recent: float | None, since: float | None
) -> None:
    trend = CustomerTrend(
        customer_id="0b0e0000-0000-4000-8000-000000000001",
        as_of=_START,
        recent_avg=3.0,
        recent_n=4,
        since=_START,
        baseline_avg=4.5,
        baseline_n=9,
        drop=1 / 3,
        evidence=evidence,
    )
    drawn = chart([], [], trend)
    assert (drawn["baseline"], drawn["recent"], drawn["since"]) == (baseline, recent, since)


def test_nothing_is_drawn_of_nothing() -> None:
    assert not any(chart([], [], None).values())
