"""Hands the records of batched topics out as aiokafka's C parser made them, and leaves others where they are.

Stock aiokafka copies each into a Python object of twelve fields, which takes longer than decoding its JSON. And it
fetches whatever is assigned: Faust is assigned its tables' changelogs, which nobody reads from its consumer, and the
first megabytes of each partition would be kept in memory until the next rebalance.
"""

from collections.abc import Collection
from typing import Any, Protocol, cast

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.consumer.fetcher import Fetcher, FetchResult
from aiokafka.structs import TopicPartition

from agents.transport.closing import ClosingConsumer


class Record(Protocol):
    """What a batch's records have. `timestamp` is in milliseconds since 1970."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Any


class _BatchFetcher(Fetcher):  # type: ignore[misc]  # aiokafka has no types
    batched: Collection[str]
    unread: Collection[str]

    def _get_actions_per_node(self, assignment: Any) -> Any:  # noqa: ANN401 (aiokafka's own, untyped)
        # Here, before each fetch: by the time that Faust knows of an assignment, the first one is under way.
        for tp in assignment.tps:
            if tp.topic in self.unread:
                assignment.state_value(tp).pause()
        return super()._get_actions_per_node(assignment)

    async def _proc_fetch_request(self, *args: Any) -> Any:  # noqa: ANN401 (aiokafka's own, untyped)
        answer = await super()._proc_fetch_request(*args)
        for tp, result in self._records.items():
            if tp.topic in self.batched and type(result) is FetchResult and result.has_more():
                result._partition_records._consumer_record = _as_parsed  # noqa: SLF001 (it has no setting for it)
        return answer


def _as_parsed(_: TopicPartition, record: Record) -> Record:
    return record


class _BatchingConsumer(ClosingConsumer):
    batched: Collection[str]
    unread: Collection[str]

    async def start(self) -> None:
        await super().start()
        fetcher = cast("_BatchFetcher", self._fetcher)
        fetcher.__class__, fetcher.batched, fetcher.unread = _BatchFetcher, self.batched, self.unread


def batching(
    consumer: AIOKafkaConsumer, topics: Collection[str], *, unread: Collection[str] = frozenset()
) -> AIOKafkaConsumer:
    """Have a consumer that is not started yet hand out the records of `topics` as they were parsed, of `unread` none.

    Faust and aiokafka make their consumer and fetcher by name: only what they have made can be turned into another.
    """
    turned = cast("_BatchingConsumer", consumer)
    turned.__class__, turned.batched, turned.unread = _BatchingConsumer, topics, unread
    return turned


def whole(tp: TopicPartition, record: Record) -> ConsumerRecord:
    """The record as stock aiokafka hands it out, but for the sizes and without its headers."""
    return ConsumerRecord(
        topic=tp.topic,
        partition=tp.partition,
        offset=record.offset,
        timestamp=record.timestamp,
        timestamp_type=record.timestamp_type,
        key=record.key,
        value=record.value,
        checksum=None,
        serialized_key_size=-1,
        serialized_value_size=-1,
        headers=(),
    )
