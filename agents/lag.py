"""How far is this worker behind?"""

from collections.abc import Iterable
from time import time
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

    def handled_up_to(self, tp: TP) -> int | None:
        """The offset of the first record that is not handled; None where nothing was since the assignment."""
        ...

    def waiting_since(self, tp: TP) -> int | None:
        """The time, in milliseconds since 1970, of the oldest record that was fetched and is not done; or None."""
        ...


def behind(consumer: Positions, tp: TP) -> int:
    """Records of a partition assigned here that are not handled, as of its last fetch.

    What is handled and waits for a checkpoint holds nobody up.
    """
    done = max(consumer.handled_up_to(tp) or 0, consumer.committed_up_to(tp) or 0)
    return max((consumer.highwater(tp) or 0) - done, 0)


def lag(consumer: Positions, topic: str) -> int:
    """The same of all of a topic's partitions assigned here."""
    return sum(behind(consumer, tp) for tp in consumer.assignment() if tp.topic == topic)


def lag_seconds(consumer: Positions, topic: str, now: float) -> float:
    """The age of the oldest record of the topic's partitions assigned here that was fetched and is not done; or 0.

    What is not fetched yet is younger. `now`: seconds since 1970.
    """
    times = (consumer.waiting_since(tp) for tp in consumer.assignment() if tp.topic == topic)
    return max((now - at / 1000 for at in times if at is not None and now > at / 1000), default=0.0)


def watch(app: BatchApp, settings: Settings, role: str) -> None:
    """Keep the lag of the app's batched topics, in records and in seconds, up to date while it runs."""

    async def look() -> None:
        for topic in app.batched:
            try:
                behind, seconds = lag(app.batches, topic), lag_seconds(app.batches, topic, time())
            except (ConsumerNotStarted, IllegalStateError):
                continue  # a rebalance is under way in the consumer's own thread
            name = topic.removeprefix(settings.topic_prefix)
            metrics.LAG.labels(role, name).set(behind)
            metrics.LAG_SECONDS.labels(role, name).set(seconds)

    app.timer(_EVERY)(look)
