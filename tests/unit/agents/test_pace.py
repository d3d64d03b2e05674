"""Work that can wait takes a share of the time, and for no longer than is good for it."""

import asyncio
import time

import pytest

from agents.transport import pace
from agents.transport.pace import Pace


class Clock:
    """Time that passes in sleeps and in pieces of work alone; `turn`: what others take of each sleep beyond it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.turn = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds + self.turn


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace, "monotonic", clock.monotonic)
    monkeypatch.setattr("agents.transport.pace.asyncio.sleep", clock.sleep)
    return clock


async def test_a_piece_is_a_fifth_of_the_time(clock: Clock) -> None:
    paced = Pace(lambda: False)
    for seconds in (0.001, 0.003):
        clock.now += seconds
        await paced.rest()
    assert clock.slept == pytest.approx([0.004, 0.012])


async def test_after_a_second_of_rests_others_have_a_turn_and_no_more(clock: Clock) -> None:
    paced = Pace(lambda: False)
    for _ in range(1_000):
        clock.now += 0.001
        await paced.rest()
    assert sum(clock.slept) == pytest.approx(1.0, abs=0.005)
    assert len(clock.slept) == 1_000


async def test_after_ten_seconds_nobody_has_a_turn_however_long_others_take(clock: Clock) -> None:
    paced, clock.turn = Pace(lambda: False), 0.1
    for _ in range(1_000):
        clock.now += 0.001
        await paced.rest()
    assert clock.now < 10 + 1
    assert len(clock.slept) > 90


async def test_who_is_in_a_hurry_has_no_rests(clock: Clock) -> None:
    hurry = False
    paced = Pace(lambda: hurry)
    clock.now += 0.001
    await paced.rest()
    hurry = True
    clock.now += 0.001
    await paced.rest()
    assert clock.slept == pytest.approx([0.004, 0.0])


async def test_others_go_on_in_a_rest() -> None:
    paced, turns = Pace(lambda: False), 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count())
    begun = time.monotonic()
    while time.monotonic() == begun:
        pass
    await paced.rest()
    other.cancel()
    assert turns > 1
