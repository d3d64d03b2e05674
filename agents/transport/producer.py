"""Sends records in batches of our own making, and says when all of them are acknowledged.

Faust's producer buffer is not used: its flush gives up after 100 ms, and a send that fails is logged and forgotten.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata

from agents.transport.pace import Pace

MAX_BATCH = 900_000
"""Bytes: below the broker's default limit of 1 MiB for a batch."""

_AT_ONCE = 64  # records between two rests, where a pace is kept: a third of a millisecond


class Outgoing(NamedTuple):
    """A record to send to one partition."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class TooLarge(Exception):
    """A record that no batch can hold."""


async def send(
    producer: AIOKafkaProducer, topic: str, records: Iterable[Outgoing], *, pace: Pace | None = None
) -> Mapping[int, int]:
    """Send `records` and wait for the acknowledgement of every one.

    With a `pace` they are put into batches a few at a time. Returns the offset of the last record by partition. Raises
    `aiokafka.errors.KafkaError` when any was not acknowledged, and `TooLarge`; some of the others may be in the topic
    then.
    """
    by_partition: dict[int, list[Outgoing]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    if len(by_partition) == 1:  # the common case, without a task of its own
        return {p: await _send_partition(producer, topic, p, rs, pace) for p, rs in by_partition.items()}
    async with asyncio.TaskGroup() as group:
        sent = {p: group.create_task(_send_partition(producer, topic, p, rs, pace)) for p, rs in by_partition.items()}
    return {p: task.result() for p, task in sent.items()}


async def _send_partition(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Sequence[Outgoing], pace: Pace | None
) -> int:
    batch = producer.create_batch()
    sent = []
    for place, record in enumerate(records, 1):
        if pace and not place % _AT_ONCE:
            await pace.rest()
        if _append(batch, record):
            continue
        if batch.record_count():
            sent.append(await _submit(producer, batch, topic, partition))
            batch = producer.create_batch()
            if _append(batch, record):
                continue
        message = f"a record of {len(record.value or b'')} bytes is larger than a batch may be"
        raise TooLarge(message)
    sent.append(await _submit(producer, batch, topic, partition))
    metadata = await asyncio.gather(*sent)
    return int(metadata[-1].offset) + int(batch.record_count()) - 1


def _append(batch: BatchBuilder, record: Outgoing) -> bool:
    # Kafka allows a record without key and value; aiokafka's builder wants one of them.
    key = b"" if record.key is None and record.value is None else record.key
    headers = record.headers if isinstance(record.headers, list) else list(record.headers)
    return batch.append(key=key, value=record.value, timestamp=None, headers=headers) is not None


async def _submit(
    producer: AIOKafkaProducer, batch: BatchBuilder, topic: str, partition: int
) -> "asyncio.Future[RecordMetadata]":
    batch.close()
    future: asyncio.Future[RecordMetadata] = await producer.send_batch(batch, topic, partition=partition)
    return future
