"""The lag counts what is fetched or could be, and not committed."""

from collections.abc import Mapping

from faust.types import TP

from agents.lag import lag


class Consumer:
    """Positions by partition: (highwater, committed)."""

    def __init__(self, positions: Mapping[TP, tuple[int | None, int | None]]) -> None:
        self._positions = positions

    def assignment(self) -> set[TP]:
        return set(self._positions)

    def highwater(self, tp: TP) -> int | None:
        return self._positions[tp][0]

    def committed_up_to(self, tp: TP) -> int | None:
        return self._positions[tp][1]


def test_the_partitions_of_one_topic_are_summed() -> None:
    consumer = Consumer({TP("events", 0): (110, 100), TP("events", 1): (7, 7), TP("customers", 0): (50, 0)})
    assert lag(consumer, "events") == 10
    assert lag(consumer, "customers") == 50
    assert lag(consumer, "alerts") == 0


def test_nothing_committed_yet_is_everything_and_nothing_fetched_yet_is_nothing() -> None:
    assert lag(Consumer({TP("events", 0): (12, None)}), "events") == 12
    assert lag(Consumer({TP("events", 0): (None, None), TP("events", 1): (None, 90)}), "events") == 0
