from itertools import pairwise

import pytest

from agents.breaker import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_few_failures_say_nothing(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(4):
        breaker.failed()
    assert not breaker.open
    assert (breaker.pause, breaker.left) == (0.0, 0.0)


def test_one_answer_among_failures_speaks_for_the_destination(clock: Clock) -> None:
    breaker = Breaker(clock)
    for _ in range(10):
        breaker.failed()
        breaker.failed()
        assert not breaker.answered()
    assert not breaker.open


def test_pauses_grow_up_to_the_longest(clock: Clock) -> None:
    breaker = Breaker(clock, first=1.0, most=60.0)
    pauses = []
    for _ in range(5 + 8):
        breaker.failed()
        pauses.append(breaker.pause)
    opened = pauses[4:]
    assert opened[0] == 1.0
    assert opened[-1] == 60.0
    assert all(later == min(60.0, 2 * earlier) for earlier, later in pairwise(opened))


def test_a_pause_ends(clock: Clock) -> None:
    breaker = Breaker(clock, first=2.0)
    for _ in range(5):
        breaker.failed()
    assert breaker.left == 2.0
    clock.now += 1.5
    assert breaker.left == 0.5
    clock.now += 1.0
    assert breaker.left == 0.0
    assert breaker.open, "until it answers"
    assert breaker.answered()
    assert not breaker.open
