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


def test_more_than_the_limit_of_the_window_is_a_flood(tmp_path: Path) -> None:
    flood = Flood(0.5, tmp_path)
    for _ in range(90):
        flood.count(1_000, 0)
    for _ in range(50):
        flood.count(1_000, 1_000)
    with pytest.raises(BadSettings, match=r"51,000 of the last 100,000 records.*DEAD_LETTER_LIMIT=1"):
        flood.count(1_000, 1_000)


def test_small_batches_count_alike_and_are_not_remembered_one_by_one(tmp_path: Path) -> None:
    flood = Flood(0.5, tmp_path)
    for _ in range(90_000):
        flood.count(1, 0)
    for _ in range(50_000):
        flood.count(1, 1)
    assert len(flood._counted) <= 101
    with pytest.raises(BadSettings, match=r"51,000 of the last 10\d,\d\d\d records"):
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
