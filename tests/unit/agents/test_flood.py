"""A flood of dead letters stops the worker, and a restart does not let it go on."""

from pathlib import Path

import pytest

from agents.flood import Flood
from agents.settings import BadSettings


def test_many_bad_records_among_more_good_ones_are_no_flood(tmp_path: Path) -> None:
    flood = Flood(0.5, tmp_path)
    for _ in range(1_000):
        flood.count(2_000, 1_000)


def test_ten_thousand_bad_records_in_a_row_are_no_flood_yet(tmp_path: Path) -> None:
    flood = Flood(0.5, tmp_path)
    for _ in range(10):
        flood.count(1_000, 1_000)


@pytest.mark.parametrize("size", [1_000, 1])
def test_more_than_the_limit_of_the_window_is_a_flood(tmp_path: Path, size: int) -> None:
    flood = Flood(0.5, tmp_path)
    for _ in range(90_000 // size):
        flood.count(size, 0)
    for _ in range(50_000 // size):
        flood.count(size, size)
    assert len(flood._counted) <= 101  # live batches of a few records are not remembered one by one
    with pytest.raises(BadSettings, match=r"51,000 of the last 100,000 records.*DEAD_LETTER_LIMIT=1"):
        flood.count(1_000, 1_000)


def test_a_restart_is_refused_until_the_limit_is_another_one(tmp_path: Path) -> None:
    flood = Flood(0.5, tmp_path)
    with pytest.raises(BadSettings):
        flood.count(30_000, 30_000)
    with pytest.raises(BadSettings, match="stopped before"):
        Flood(0.5, tmp_path)
    relieved = Flood(1, tmp_path)
    relieved.count(30_000, 30_000)
    Flood(0.5, tmp_path)
