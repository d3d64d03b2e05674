"""Writes a partition's changed states and its source offset, so that both are kept or neither.

With transactions: one Kafka transaction a partition and checkpoint, by a producer with the transactional id
`{group}-{partition}`. Opening it fences whoever had the partition before, so a worker that wakes up late can write
nothing any more. Without (the embedded broker): states first, acknowledged, then the offset; one worker only, and each
state says up to which offset it goes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from faust.types import TP

from agents.transport.consumer import BatchConsumer
from agents.transport.failpoints import reached
from agents.transport.producer import Record, Stream


class Writing:
    """What a checkpoint writes, to its own partition of some topics.

    Attributes:
        last: the offset of the last record by topic, when all are acknowledged.
    """

    def __init__(self, producer: AIOKafkaProducer, partition: int) -> None:
        self.last: Mapping[str, int] = {}
        self._producer = producer
        self._partition = partition
        self._streams: dict[str, Stream] = {}

    async def add(self, topic: str, records: Iterable[Record]) -> None:
        """Send these, at least one, behind those before them."""
        stream = self._streams.get(topic)
        if stream is None:
            stream = self._streams[topic] = Stream(self._producer, topic, self._partition)
        await stream.add(records)

    async def end(self) -> None:
        """Wait for the acknowledgements."""
        last = await asyncio.gather(*[stream.end() for stream in self._streams.values()])
        self.last = dict(zip(self._streams, last, strict=True))


class Checkpointer(Protocol):
    """How checkpoints are written."""

    async def open(self, partitions: set[int]) -> None:
        """Take the partitions over: after this, nobody else's checkpoint of them is accepted."""
        ...

    def writing(self, tp: TP, offset: int) -> AbstractAsyncContextManager[Writing]:
        """Inside, a checkpoint is written; at the end it is committed with the source offset.

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

    @asynccontextmanager
    async def writing(self, tp: TP, offset: int) -> AsyncIterator[Writing]:
        """Raises `aiokafka.errors.ProducerFenced` when the partition has a new owner."""
        producer = self._producers[tp.partition]
        async with producer.transaction():
            writing = Writing(producer, tp.partition)
            yield writing
            await writing.end()
            reached("in-checkpoint")
            await producer.send_offsets_to_transaction({TopicPartition(tp.topic, tp.partition): offset}, self._group)

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

    @asynccontextmanager
    async def writing(self, tp: TP, offset: int) -> AsyncIterator[Writing]:
        """Raises RuntimeError when the group has moved on."""
        writing = Writing(self._producer, tp.partition)
        yield writing
        await writing.end()
        await self._consumer().commit_plainly({tp: offset})

    async def close(self) -> None:
        """The producer is its maker's."""
