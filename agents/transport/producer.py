"""Sends records in batches of our own making, and says when all of them are acknowledged.

Faust's producer buffer is not used: its flush gives up after 100 ms, and a send that fails is logged and forgotten.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

MAX_BATCH = 900_000
"""Bytes: below the broker's default limit of 1 MiB for a batch."""


class Outgoing(NamedTuple):
    """A record to send to one partition."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


Record = tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]
"""Key, value and headers."""
NO_HEADERS: list[tuple[str, bytes]] = []


class TooLarge(Exception):
    """A record that no batch can hold."""


async def send(producer: AIOKafkaProducer, topic: str, records: Iterable[Outgoing]) -> Mapping[int, int]:
    """Send `records` and wait for the acknowledgement of every one.

    Returns the offset of the last record by partition. Raises `aiokafka.errors.KafkaError` when any was not
    acknowledged, and `TooLarge`; some of the others may be in the topic then.
    """
    by_partition: dict[int, list[Record]] = defaultdict(list)
    for partition, key, value, headers in records:
        # Kafka allows a record without both; aiokafka's builder wants one of them.
        given = b"" if key is None and value is None else key
        by_partition[partition].append((given, value, list(headers)))
    if len(by_partition) == 1:  # the common case, without a task of its own
        return {p: await _send_partition(producer, topic, p, rs) for p, rs in by_partition.items()}
    async with asyncio.TaskGroup() as group:
        sent = {p: group.create_task(_send_partition(producer, topic, p, rs)) for p, rs in by_partition.items()}
    return {p: task.result() for p, task in sent.items()}


async def _send_partition(producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[Record]) -> int:
    stream = Stream(producer, topic, partition)
    await stream.add(records)
    return await stream.end()


class Stream:
    """Records on their way to one partition, of which more may come.

    Raises `aiokafka.errors.KafkaError` when any was not acknowledged, and `TooLarge`.
    """

    def __init__(self, producer: AIOKafkaProducer, topic: str, partition: int) -> None:
        self._producer = producer
        self._to = topic, partition
        self._batch = _Filling(producer)
        self._sent: list[asyncio.Future[RecordMetadata]] = []

    async def add(self, records: Iterable[Record]) -> None:
        """Put them into batches; those that are full go on their way."""
        batch = self._batch
        for key, value, headers in records:
            if batch.append(batch.count, None, key, value, headers) is None:
                if batch.count:
                    self._sent.append(await batch.submit(*self._to))
                    batch = self._batch = _Filling(self._producer)
                if batch.append(0, None, key, value, headers) is None:
                    message = f"a record of {len(value or b'')} bytes is larger than a batch may be"
                    raise TooLarge(message)
            batch.count += 1

    async def end(self) -> int:
        """Wait until all of them, at least one, are acknowledged. Returns the offset of the last one."""
        self._sent.append(await self._batch.submit(*self._to))
        metadata = await asyncio.gather(*self._sent)
        return int(metadata[-1].offset) + self._batch.count - 1


class _Filling:
    """A batch that is being filled, by the C builder itself: aiokafka's way to it takes three times as long.

    Attributes:
        append: takes a record in, or returns None where there is no room; see aiokafka's `DefaultRecordBatchBuilder`.
        count: of the records in it, kept by whoever appends.
    """

    __slots__ = ("_batch", "_producer", "append", "count")

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self._producer = producer
        self._batch = producer.create_batch()
        self.append = self._batch._builder.append  # noqa: SLF001 (it has no public way)
        self.count = 0

    async def submit(self, topic: str, partition: int) -> "asyncio.Future[RecordMetadata]":
        """Hand it to the producer."""
        self._batch._relative_offset = self.count  # noqa: SLF001 (as above)
        self._batch.close()
        future: asyncio.Future[RecordMetadata] = await self._producer.send_batch(
            self._batch, topic, partition=partition
        )
        return future
