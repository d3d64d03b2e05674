"""Has everything been read that was published up to a moment?"""

from collections.abc import Mapping, Sequence
from time import monotonic

import structlog
from aiokafka import TopicPartition

from agents import kafka
from agents.session import connected
from agents.settings import Settings
from agents.transport.ends import ends
from streams.topology import TRENDS

_log = structlog.get_logger(__name__)


class Abreast:
    """Sees that processes have come as far as their topics went when it was first asked.

    Args:
        settings: where Kafka is.
        readers: topics (named without prefix) by the process that reads them.
        patience: seconds after which it is enough: a process that is away for long must not hold up everything.
    """

    def __init__(self, settings: Settings, readers: Mapping[str, Sequence[str]], *, patience: float) -> None:
        self._settings = settings
        self._readers = readers
        self._patience = patience
        self._since = 0.0
        self._marks: dict[str, dict[TopicPartition, int]] = {}

    async def reached(self) -> bool:
        """Whether they have; once they have, the next question is a new one. Raises `aiokafka.errors.KafkaError`."""
        if not self._marks:
            self._since = monotonic()
            self._marks = {role: await self._ends(topics) for role, topics in self._readers.items()}
        behind = [role for role, marks in self._marks.items() if not await self._has_read(role, marks)]
        if behind and monotonic() - self._since < self._patience:
            return False
        if behind:
            _log.warning("not waited for", processes=behind, seconds=self._patience)
        self._marks = {}
        return True

    async def _ends(self, topics: Sequence[str]) -> dict[TopicPartition, int]:
        names = {self._settings.topic(name): name for name in topics}
        async with connected(kafka.admin(self._settings)) as admin:
            described = await admin.describe_topics(list(names))
        partitions = [TopicPartition(t["topic"], p["partition"]) for t in described for p in t["partitions"]]
        async with connected(kafka.consumer(self._settings, enable_auto_commit=False)) as client:
            client.assign(partitions)
            found = await ends(client, partitions)
        # The last thing that a transaction leaves is its marker, which nobody reads.
        marked = {TRENDS} if self._settings.kafka_transactions else set()
        return {tp: end - 1 if names[tp.topic] in marked else end for tp, end in found.items()}

    async def _has_read(self, role: str, marks: Mapping[TopicPartition, int]) -> bool:
        # Knows what the group has committed without being one of it.
        client = kafka.consumer(self._settings, group_id=self._settings.group(role), enable_auto_commit=False)
        async with connected(client):
            client.assign(list(marks))
            return all([(await client.committed(tp) or 0) >= end for tp, end in marks.items()])
