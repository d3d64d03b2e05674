"""What one fetch brought of one partition."""

from collections.abc import Sequence
from dataclasses import dataclass

from faust.types import TP

from agents.transport.fetcher import Record


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of one partition, in order, at least one.

    `generation` is that of the assignment that they were fetched in: a batch of an older one belongs to somebody else.
    """

    tp: TP
    records: Sequence[Record]
    generation: int

    @property
    def topic(self) -> str:
        """With the installation's prefix."""
        return str(self.tp.topic)

    @property
    def partition(self) -> int:
        """Within the topic."""
        return int(self.tp.partition)

    @property
    def next_offset(self) -> int:
        """What is to be committed once all of the batch is done."""
        return int(self.records[-1].offset) + 1
