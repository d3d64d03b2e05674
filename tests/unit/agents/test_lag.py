"""The lag counts what is fetched or could be, and not handled."""

from collections.abc import Mapping

from faust.types import TP

from agents.lag import lag, lag_seconds


class Consumer:
    """Positions by partition: (highwater, committed); and the times of what is not done."""

    def __init__(
        self,
        positions: Mapping[TP, tuple[int | None, int | None]],
        waiting: Mapping[TP, int] | None = None,
        handled: Mapping[TP, int] | None = None,
    ) -> None:
        self._positions = positions
        self._waiting = waiting or {}
        self._handled = handled or {}

    def assignment(self) -> set[TP]:
        return set(self._positions)

    def highwater(self, tp: TP) -> int | None:
        return self._positions[tp][0]

    def committed_up_to(self, tp: TP) -> int | None:
        return self._positions[tp][1]

    def handled_up_to(self, tp: TP) -> int | None:
        return self._handled.get(tp)

    def waiting_since(self, tp: TP) -> int | None:
        return self._waiting.get(tp)


def test_the_partitions_of_one_topic_are_summed() -> None:
    consumer = Consumer({TP("events", 0): (110, 100), TP("events", 1): (7, 7), TP("customers", 0): (50, 0)})
    assert lag(consumer, "events") == 10
    assert lag(consumer, "customers") == 50
    assert lag(consumer, "alerts") == 0


def test_nothing_committed_yet_is_everything_and_nothing_fetched_yet_is_nothing() -> None:
    assert lag(Consumer({TP("events", 0): (12, None)}), "events") == 12
    assert lag(Consumer({TP("events", 0): (None, None), TP("events", 1): (None, 90)}), "events") == 0


def test_what_is_handled_and_not_committed_yet_does_not_wait() -> None:
    both = {TP("events", 0): (12, 5), TP("events", 1): (12, 9)}
    assert lag(Consumer(both, handled={TP("events", 0): 11}), "events") == 4


def test_in_seconds_the_oldest_that_is_not_done_counts() -> None:
    both = {TP("events", 0): (9, 9), TP("events", 1): (9, 9), TP("customers", 0): (9, 9), TP("alerts", 0): (9, 9)}
    consumer = Consumer(both, {TP("events", 0): 90_000, TP("events", 1): 40_000, TP("customers", 0): 101_000})
    assert lag_seconds(consumer, "events", 100.0) == 60.0
    assert lag_seconds(consumer, "alerts", 100.0) == 0.0


def test_a_broker_whose_clock_is_ahead_makes_no_lag() -> None:
    consumer = Consumer({TP("events", 0): (9, 9)}, {TP("events", 0): 101_000})
    assert lag_seconds(consumer, "events", 100.0) == 0.0
