"""A customer's ratings as the series of a chart: pure."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

MEAN_OVER = timedelta(days=30)


def chart(ratings: Sequence[Mapping[str, Any]], alerts: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """What `static/chart.js` draws.

    Args:
        ratings: rows of `ratings_drawn.sql`, oldest first.
        alerts: rows of `alerted_responses.sql`.

    Returns:
        Lists of one length: `at` (seconds since 1970), `rating` (1-5), `mean` (of the 30 days up to each), `alert`
        (the kind of alert on that answer, else None), `ticket`, `subject`.
    """
    alerted = {alert["response_id"]: alert["kind"] for alert in alerts if alert["status"] != "retracted"}
    return {
        "at": [rating["responded_at"].timestamp() for rating in ratings],
        "rating": [rating["rating"] for rating in ratings],
        "mean": trailing_means([(rating["responded_at"], rating["rating"]) for rating in ratings], MEAN_OVER),
        "alert": [alerted.get(rating["response_id"]) for rating in ratings],
        "ticket": [rating["ticket_id"] for rating in ratings],
        "subject": [rating["ticket_subject"] for rating in ratings],
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
