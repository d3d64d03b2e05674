"""Reads topics from their first record to their end, for whoever looks at all of it once."""

from collections.abc import AsyncIterator, Collection

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from agents.transport.ends import ends

_BATCH = 20_000  # records a poll


async def read_back(
    consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]
) -> AsyncIterator[ConsumerRecord]:
    """The committed records, those of a partition in order, up to the end as it is now.

    The consumer's assignment and positions are used. Raises `aiokafka.errors.KafkaError`.
    """
    consumer.assign(list(partitions))
    last = await ends(consumer, partitions)
    await consumer.seek_to_beginning(*partitions)
    waiting = set(partitions)
    # By the position, not the last record: a transaction's marker has an offset too.
    while waiting := {tp for tp in waiting if await consumer.position(tp) < last[tp]}:
        for records in (await consumer.getmany(*waiting, timeout_ms=1000, max_records=_BATCH)).values():
            for record in records:
                yield record


async def newest(consumer: AIOKafkaConsumer, partition: TopicPartition) -> dict[bytes, bytes]:
    """The last value of each key of a compacted topic's partition, without what was deleted."""
    values: dict[bytes, bytes] = {}
    async for record in read_back(consumer, [partition]):
        if record.value is None:
            values.pop(record.key, None)
        else:
            values[record.key] = record.value
    return values
