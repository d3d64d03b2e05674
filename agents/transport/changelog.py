"""Reads a table's changelog into its local store, in batches, from where that ends.

Stock Faust reads the changelog back message by message.
"""

import asyncio
from collections.abc import Mapping

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from agents.transport.ends import ends
from agents.transport.table import BatchTable

_BATCH = 20_000  # records a poll
_WAIT = 0.05  # seconds

_log = structlog.get_logger(__name__)


class Changelog:
    """One reading of some partitions, by a consumer that sees committed records only.

    Attributes:
        left: offsets between what is read and the end, by partition; only partitions that have any.
    """

    def __init__(self, table: BatchTable, consumer: AIOKafkaConsumer) -> None:
        self.left: dict[TopicPartition, int] = {}
        self._table = table
        self._consumer = consumer
        self._last: Mapping[TopicPartition, int] = {}

    async def begin(self, partitions: set[int]) -> None:
        """Go to where the local store of each partition ends. Raises `aiokafka.errors.KafkaError`."""
        topic = self._table.changelog_topic.get_topic_name()
        tps = [TopicPartition(topic, p) for p in sorted(partitions)]
        self._consumer.assign(tps)
        self._last = await ends(self._consumer, tps)
        await self._seek()
        await self._count()

    async def read(self, wait: float = _WAIT) -> int:
        """Put the next records of the partitions that have any left into the store. Returns how many there were.

        `wait` is in seconds; where nothing but a transaction's marker is left, it takes as long.
        """
        read = 0
        fetched = await self._consumer.getmany(*self.left, timeout_ms=int(wait * 1000), max_records=_BATCH)
        for tp, records in fetched.items():
            items = ((r.key, r.value) for r in records)
            self._table.local.write(tp.partition, items, records[-1].offset)
            read += len(records)
            await asyncio.sleep(0)  # a poll whose records are there already does not yield
        await self._count()
        return read

    async def follow(self) -> None:
        """The same for all partitions, up to what the broker has by now."""
        self.left = dict.fromkeys(self._last, 0)
        await self.read(1.0)
        self._last = {tp: self._consumer.last_stable_offset(tp) or end for tp, end in self._last.items()}
        await self._count()

    async def _count(self) -> None:
        # By the position, not the last record: a transaction's marker has an offset too.
        left = {tp: end - await self._consumer.position(tp) for tp, end in self._last.items()}
        self.left = {tp: n for tp, n in left.items() if n > 0}

    async def _seek(self) -> None:
        beginnings = await self._consumer.beginning_offsets(list(self._last))
        for tp, end in self._last.items():
            local = self._table.local.persisted_offset(TP(tp.topic, tp.partition))
            start = beginnings[tp] if local is None else local + 1
            if not beginnings[tp] <= start <= end:
                # Ahead: of another cluster, or of a topic that was made again. Behind: a deletion may be gone by now.
                _log.warning("local state does not fit its changelog: it is rebuilt", partition=tp.partition)
                self._table.local.reopen_empty(tp.partition)
                start = beginnings[tp]
            self._consumer.seek(tp, start)
