"""A customer's ratings as the series of a chart: pure."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from schemas.alert import CustomerTrend, Evidence

MEAN_OVER = timedelta(days=30)


def chart(
    ratings: Sequence[Mapping[str, Any]], alerts: Iterable[Mapping[str, Any]], trend: CustomerTrend | None
) -> dict[str, Any]:
    """What `static/chart.js` draws.

    Args:
        ratings: rows of `ratings_drawn.sql`, oldest first.
        alerts: rows of `alerted_responses.sql`.
        trend: of the same ratings; None where it is not known, or of others.

    Returns:
        Lists of one length: `at` (seconds since 1970), `rating` (1-5), `mean` (of the 30 days up to each), `alert`
        (the kind of alert on that answer, else None), `alert_id`, `ticket`, `subject`; and `baseline` (the mean rating
        before), `recent` (since the change) and `since` (seconds since 1970), each None where it is not known.
    """
    alerted = {alert["response_id"]: alert for alert in alerts if alert["status"] != "retracted"}
    marks = [alerted.get(rating["response_id"]) for rating in ratings]
    changed = trend is not None and trend.evidence is not Evidence.INSUFFICIENT
    return {
        "at": [rating["responded_at"].timestamp() for rating in ratings],
        "rating": [rating["rating"] for rating in ratings],
        "mean": trailing_means([(rating["responded_at"], rating["rating"]) for rating in ratings], MEAN_OVER),
        "alert": [mark["kind"] if mark else None for mark in marks],
        "alert_id": [str(mark["alert_id"]) if mark else None for mark in marks],
        "ticket": [rating["ticket_id"] for rating in ratings],
        "subject": [rating["ticket_subject"] for rating in ratings],
        "baseline": trend.baseline_avg if trend else None,
        "recent": trend.recent_avg if trend and changed else None,
        "since": trend.since.timestamp() if trend and changed and trend.since else None,
    }


def trailing_means(ratings: Iterable[tuple[datetime, int]], over: timedelta) -> list[float]:
    """For each rating, oldest first, the mean of those not more than `over` before it, itself included."""
    window: deque[tuple[datetime, int]] = deque()
    total, means = 0, []
    for at, rating in ratings:
        window.append((at, rating))
        total += rating
        while window[0][0] < at - over:
            total -= window.popleft()[1]
        means.append(round(total / len(window), 2))
    return means
