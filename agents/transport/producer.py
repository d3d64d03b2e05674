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


_Record = tuple[int, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]  # an `Outgoing` or the like
_NO_HEADERS: list[tuple[str, bytes]] = []


class TooLarge(Exception):
    """A record that no batch can hold."""


async def send(producer: AIOKafkaProducer, topic: str, records: Iterable[Outgoing]) -> Mapping[int, int]:
    """Send `records` and wait for the acknowledgement of every one.

    Returns the offset of the last record by partition. Raises `aiokafka.errors.KafkaError` when any was not
    acknowledged, and `TooLarge`; some of the others may be in the topic then.
    """
    by_partition: dict[int, list[Outgoing]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    if len(by_partition) == 1:  # the common case, without a task of its own
        return {p: await _send_partition(producer, topic, p, rs) for p, rs in by_partition.items()}
    async with asyncio.TaskGroup() as group:
        sent = {p: group.create_task(_send_partition(producer, topic, p, rs)) for p, rs in by_partition.items()}
    return {p: task.result() for p, task in sent.items()}


async def send_to(
    producer: AIOKafkaProducer,
    topic: str,
    partition: int,
    values: Mapping[bytes, bytes | None],
    *,
    pace: Pace | None = None,
) -> int:
    """The same with values by key, at least one, for one partition; with a `pace` a few are put into batches at a time.

    Returns the offset of the last one.
    """
    records = ((partition, key, value, _NO_HEADERS) for key, value in values.items())
    return await _send_partition(producer, topic, partition, records, pace)


async def _send_partition(
    producer: AIOKafkaProducer, topic: str, partition: int, records: Iterable[_Record], pace: Pace | None = None
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
        message = f"a record of {len(record[2] or b'')} bytes is larger than a batch may be"
        raise TooLarge(message)
    sent.append(await _submit(producer, batch, topic, partition))
    metadata = await asyncio.gather(*sent)
    return int(metadata[-1].offset) + int(batch.record_count()) - 1


def _append(batch: BatchBuilder, record: _Record) -> bool:
    _, key, value, headers = record
    if key is None and value is None:
        key = b""  # Kafka allows a record without both; aiokafka's builder wants one of them
    if not isinstance(headers, list):
        headers = list(headers)
    return batch.append(timestamp=None, key=key, value=value, headers=headers) is not None


async def _submit(
    producer: AIOKafkaProducer, batch: BatchBuilder, topic: str, partition: int
) -> "asyncio.Future[RecordMetadata]":
    batch.close()
    future: asyncio.Future[RecordMetadata] = await producer.send_batch(batch, topic, partition=partition)
    return future
