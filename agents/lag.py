"""How far is this worker behind?"""

from collections.abc import Iterable
from typing import Protocol

from aiokafka.errors import IllegalStateError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from agents import metrics
from agents.settings import Settings
from agents.transport.app import BatchApp

_EVERY = 5.0  # seconds


class Positions(Protocol):
    """What a consumer knows of the partitions assigned to it."""

    def assignment(self) -> Iterable[TP]:
        """The partitions that are this worker's."""
        ...

    def highwater(self, tp: TP) -> int | None:
        """The offset that the partition's next record gets; None before its first fetch."""
        ...

    def committed_up_to(self, tp: TP) -> int | None:
        """The offset of the first record that is not committed; None where nothing ever was."""
        ...


def lag(consumer: Positions, topic: str) -> int:
    """Records of the topic's partitions assigned here that are not committed, as of the last fetch of each."""
    return sum(
        max((consumer.highwater(tp) or 0) - (consumer.committed_up_to(tp) or 0), 0)
        for tp in consumer.assignment()
        if tp.topic == topic
    )


def watch(app: BatchApp, settings: Settings, role: str) -> None:
    """Keep `csatwatch_lag_records` of the app's batched topics up to date while it runs."""

    async def look() -> None:
        for topic in app.batched:
            try:
                behind = lag(app.batches, topic)
            except (ConsumerNotStarted, IllegalStateError):
                continue  # a rebalance is under way in the consumer's own thread
            metrics.LAG.labels(role, topic.removeprefix(settings.topic_prefix)).set(behind)

    app.timer(_EVERY)(look)
