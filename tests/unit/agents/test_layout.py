"""A detector goes on only with states that were written for the partitions that there are."""

from typing import cast

import pytest

from agents.layout import check_assigned, check_restored
from agents.position import MOVING, POSITION, Position, decode, encode
from agents.settings import BadSettings
from agents.states import PartitionStates
from agents.transport.table import PartitionStore
from tests.memory import MemoryStore
from tests.unit.agents.test_states import checkpoint


def restored(position: Position | None, partitions: int) -> PartitionStates:
    store = MemoryStore()
    if position is not None:
        store.values[POSITION] = encode(position)
    return PartitionStates(cast("PartitionStore", store), 3, partitions)


@pytest.mark.parametrize("position", [None, Position(0, 9, 1), Position(0, 9, 1, 8)])
def test_states_of_as_many_partitions_or_of_before_it_was_noted_will_do(position: Position | None) -> None:
    states = restored(position, 8)
    check_restored({3: states}, 8, "csat-events")
    states.moved(10, 2)
    assert states.position == Position(0, 10, 2, 8)


def test_states_of_another_number_stop_it() -> None:
    with pytest.raises(
        BadSettings, match="csat-events has 8 partitions and the state of partition 3 was written for 4"
    ):
        check_restored({3: restored(Position(0, 9, 1, 4), 8)}, 8, "csat-events")


def test_states_that_are_being_moved_stop_it() -> None:
    with pytest.raises(
        BadSettings, match="partition 3 is being moved: stop all detectors and run `csatwatch topics gr"
    ):
        check_restored({3: restored(Position(0, 9, 1, MOVING), 8)}, 8, "csat-events")


def test_a_partition_that_was_not_there_at_the_start_stops_it() -> None:
    check_assigned({0, 7}, 8, "csat-events")
    with pytest.raises(BadSettings, match="csat-events has more partitions than the 8 it had at the start"):
        check_assigned({0, 8}, 8, "csat-events")


def test_a_checkpoint_says_for_how_many_partitions_it_is() -> None:
    store = MemoryStore()
    states = PartitionStates(cast("PartitionStore", store), 0, 8)
    states.moved(4, 5)
    checkpoint(states, store)
    assert decode(store.values[POSITION]) == Position(0, 4, 5, 8)
    # As a release before this field would have written it.
    assert decode(encode((0, 4, 5))) == Position(0, 4, 5, 0)
