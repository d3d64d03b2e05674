"""Writes a partition's changed states and its source offset, so that both are kept or neither.

With transactions: one Kafka transaction a partition and checkpoint, by a producer with the transactional id
`{group}-{partition}`. Opening it fences whoever had the partition before, so a worker that wakes up late can write
nothing any more. Without (the embedded broker): states first, acknowledged, then the offset; one worker only, and each
state says up to which offset it goes.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from faust.types import TP

from agents.transport.consumer import BatchConsumer
from agents.transport.failpoints import reached
from agents.transport.pace import Pace
from agents.transport.producer import send_to

Writes = Mapping[str, Mapping[bytes, bytes | None]]
"""Values by topic and key, in the order in which they are sent. All go to the partition of the checkpoint."""


class Checkpointer(Protocol):
    """How checkpoints are written."""

    async def open(self, partitions: set[int]) -> None:
        """Take the partitions over: after this, nobody else's checkpoint of them is accepted."""
        ...

    async def write(self, tp: TP, writes: Writes, offset: int, pace: Pace | None = None) -> Mapping[str, int]:
        """Write and commit. Returns the last offset by topic, of those that get anything.

        Raises `aiokafka.errors.KafkaError`.
        """
        ...

    async def close(self) -> None:
        """Let go of all partitions."""
        ...


class Transactional:
    """One transaction a partition and checkpoint."""

    def __init__(self, group: str, new_producer: Callable[[str], AIOKafkaProducer]) -> None:
        self._group = group
        self._new_producer = new_producer
        self._producers: dict[int, AIOKafkaProducer] = {}

    async def open(self, partitions: set[int]) -> None:
        """Initialise the transactional producers; a transaction that a previous owner left open is aborted."""
        await self.close()
        for partition in sorted(partitions):
            producer = self._producers[partition] = self._new_producer(f"{self._group}-{partition}")
            await producer.start()

    async def write(self, tp: TP, writes: Writes, offset: int, pace: Pace | None = None) -> Mapping[str, int]:
        """Raises `aiokafka.errors.ProducerFenced` when the partition has a new owner."""
        producer = self._producers[tp.partition]
        async with producer.transaction():
            last = await _send_all(producer, tp.partition, writes, pace)
            reached("in-checkpoint")
            await producer.send_offsets_to_transaction({TopicPartition(tp.topic, tp.partition): offset}, self._group)
        return last

    async def close(self) -> None:
        """Stop the producers."""
        while self._producers:
            _, producer = self._producers.popitem()
            await producer.stop()


class Plain:
    """States first, then the offset."""

    def __init__(self, producer: AIOKafkaProducer, consumer: Callable[[], BatchConsumer]) -> None:
        self._producer = producer
        self._consumer = consumer

    async def open(self, partitions: set[int]) -> None:
        """Nothing to take over: without transactions there is one worker."""

    async def write(self, tp: TP, writes: Writes, offset: int, pace: Pace | None = None) -> Mapping[str, int]:
        """Raises RuntimeError when the group has moved on."""
        last = await _send_all(self._producer, tp.partition, writes, pace)
        await self._consumer().commit_plainly({tp: offset})
        return last

    async def close(self) -> None:
        """The producer is its maker's."""


async def _send_all(producer: AIOKafkaProducer, partition: int, writes: Writes, pace: Pace | None) -> dict[str, int]:
    topics = [topic for topic, values in writes.items() if values]
    if pace:  # it is for one thing at a time: each would take the other's rest for work
        return {topic: await send_to(producer, topic, partition, writes[topic], pace=pace) for topic in topics}
    # A large checkpoint is many batches, and each topic has one of them on its way at a time.
    sent = await asyncio.gather(*[send_to(producer, topic, partition, writes[topic]) for topic in topics])
    return dict(zip(topics, sent, strict=True))
