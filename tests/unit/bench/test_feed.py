import json
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from bench.feed import draw, over_90_days
from streams.validate import validate


def test_the_same_feed_comes_again_and_every_event_is_valid() -> None:
    first, second = (list(islice(draw(10, over_90_days(100)), 100)) for _ in range(2))
    assert first == second
    events = [validate(each.value) for each in first]
    assert [event.customer_id for event in events] == [each.customer for each in first]
    assert len({each.ticket for each in first}) == 100


def test_each_customer_comes_first_where_that_is_asked() -> None:
    sent = list(islice(draw(50, over_90_days(60), each_first=True), 60))
    assert len({each.customer for each in sent[:50]}) == 50


def test_times_run_evenly_over_90_days() -> None:
    times = [over_90_days(90)(i) for i in range(90)]
    assert {after - before for before, after in pairwise(times)} == {timedelta(days=1)}
    assert times[0].tzinfo is UTC
    (event,) = islice(draw(1, over_90_days(90)), 1)
    assert datetime.fromisoformat(json.loads(event.value)["responded_at"]) == times[0]
