"""Where a partition ends, on any broker."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition


async def ends(consumer: AIOKafkaConsumer, partitions: Collection[TopicPartition]) -> dict[TopicPartition, int]:
    """The offset behind the last committed record, by partition. The positions are left anywhere.

    The embedded broker's answer to ListOffsets counts the last batch as one record; a fetch tells the truth.
    """
    listed = await consumer.end_offsets(partitions)
    beginnings = await consumer.beginning_offsets(partitions)
    asked = {tp for tp in partitions if listed[tp] > beginnings[tp]}
    for tp in asked:
        consumer.seek(tp, listed[tp] - 1)  # there is something to fetch, so that the answer comes at once
    unknown = set(asked)
    while unknown := {tp for tp in unknown if consumer.last_stable_offset(tp) is None}:
        await consumer.getmany(*unknown, timeout_ms=200)
    return {tp: max(listed[tp], consumer.last_stable_offset(tp)) if tp in asked else listed[tp] for tp in partitions}
