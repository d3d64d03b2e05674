"""A worker's slot is its own, and keeps its name."""

from pathlib import Path

import pytest

from agents.settings import BadSettings
from agents.state_dir import take


def test_two_workers_have_two_slots_and_a_free_one_is_taken_again(tmp_path: Path) -> None:
    first, second = take(tmp_path, "cluster", "app"), take(tmp_path, "cluster", "app")
    assert first.path != second.path
    first.release()
    assert take(tmp_path, "cluster", "app").path == first.path


def test_another_cluster_and_another_app_have_slots_of_their_own(tmp_path: Path) -> None:
    taken = [take(tmp_path, *names) for names in (("one", "app"), ("two", "app"), ("one", "other"))]
    assert len({each.path for each in taken}) == 3


def test_a_slot_keeps_its_name_in_the_group(tmp_path: Path) -> None:
    first, second = take(tmp_path, "cluster", "app"), take(tmp_path, "cluster", "app")
    name = first.member()
    assert second.member() != name
    first.release()
    assert take(tmp_path, "cluster", "app").member() == name


def test_a_name_that_was_cut_off_while_it_was_written_is_made_anew(tmp_path: Path) -> None:
    slot = take(tmp_path, "cluster", "app")
    (slot.path / "member").touch()
    assert slot.member() == slot.member() != ""


def test_what_is_no_directory_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BadSettings, match="CSATWATCH_STATE_DIR is .*file.*name a directory"):
        take(file, "cluster", "app")
