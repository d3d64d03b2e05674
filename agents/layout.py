"""Is the state divided among the partitions as the event topic is now? Else customers would begin anew, unseen."""

from collections.abc import Iterable, Mapping

from agents.position import MOVING
from agents.settings import BadSettings
from agents.states import PartitionStates


def check_assigned(assigned: Iterable[int], partitions: int, topic: str) -> None:
    """Raises `BadSettings` where a partition came that was not there when this worker started."""
    if any(partition >= partitions for partition in assigned):
        raise BadSettings(f"{topic} has more partitions than the {partitions} it had at the start: {_fix('N')}")


def check_restored(restored: Mapping[int, PartitionStates], partitions: int, topic: str) -> None:
    """Raises `BadSettings` where the states were written for another number of partitions."""
    for partition, states in sorted(restored.items()):
        if states.written_for == MOVING:
            message = f"the state of partition {partition} is being moved: {_fix(partitions)}"
            raise BadSettings(message)
        if states.written_for not in (0, partitions):
            message = (
                f"{topic} has {partitions} partitions and the state of partition {partition} was written for "
                f"{states.written_for}: {_fix(partitions)}"
            )
            raise BadSettings(message)


def _fix(partitions: int | str) -> str:
    return f"stop all detectors and run `csatwatch topics grow --partitions {partitions}`"
