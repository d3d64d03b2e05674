from datetime import timedelta

import pytest

from sinks.backoff import Backoff
from sinks.base import Permanent, Retriable


@pytest.mark.parametrize(("attempt", "seconds"), [(0, 1), (1, 2), (4, 16), (9, 300), (900, 300)])
def test_waits_double_up_to_a_limit(attempt: int, seconds: float) -> None:
    assert Backoff().wait(attempt, Retriable("x")) == timedelta(seconds=seconds)


def test_what_the_destination_asks_for_counts() -> None:
    assert Backoff().wait(9, Retriable("x", after=7)) == timedelta(seconds=7)


def test_the_permanent_is_given_up_at_once_and_the_rest_in_the_end() -> None:
    assert Backoff().wait(0, Permanent("x")) is None
    assert Backoff(attempts=3).wait(1, Retriable("x")) is not None
    assert Backoff(attempts=3).wait(2, Retriable("x")) is None


def test_an_outage_of_three_days_is_outlasted() -> None:
    waits = [Backoff().wait(attempt, Retriable("x")) for attempt in range(Backoff().attempts - 1)]
    assert sum((wait for wait in waits if wait), timedelta()) > timedelta(days=3)
