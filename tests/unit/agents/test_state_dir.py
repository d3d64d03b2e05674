"""A worker's slot is its own, and keeps its name."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from agents.settings import BadSettings
from agents.state_dir import StateDir, take

Take = Callable[..., StateDir]


@pytest.fixture
def taken(tmp_path: Path) -> Iterator[Take]:
    """Takes slots, which are free again after the test."""
    with ExitStack() as stack:

        def slot(cluster: str = "cluster", app: str = "app") -> StateDir:
            found = take(tmp_path, cluster, app)
            stack.callback(found.release)
            return found

        yield slot


def test_two_workers_have_two_slots_and_a_free_one_is_taken_again(taken: Take) -> None:
    first, second = taken(), taken()
    assert first.path != second.path
    first.release()
    assert taken().path == first.path


def test_another_cluster_and_another_app_have_slots_of_their_own(taken: Take) -> None:
    assert len({taken("one", "app").path, taken("two", "app").path, taken("one", "other").path}) == 3


def test_a_slot_keeps_its_name_in_the_group(taken: Take) -> None:
    first, second = taken(), taken()
    name = first.member()
    assert second.member() != name
    first.release()
    assert taken().member() == name


def test_a_name_that_was_cut_off_while_it_was_written_is_made_anew(taken: Take) -> None:
    slot = taken()
    (slot.path / "member").touch()
    name = slot.member()
    assert name
    assert slot.member() == name


def test_what_is_no_directory_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(BadSettings, match=r"CSATWATCH_STATE_DIR is .*file.*name a directory"):
        take(file, "cluster", "app")
