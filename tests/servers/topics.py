"""What stands on a broker: make topics, put records there, read them back."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import KafkaError, for_code
from aiokafka.structs import OffsetAndMetadata

from agents.commands.topics import create
from agents.settings import load_settings
from tests.servers.wait import until

Codec = Literal["gzip", "snappy", "lz4", "zstd"]
Isolation = Literal["read_committed", "read_uncommitted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record to produce.

    Attributes:
        partition: None leaves it to the murmur2 partitioner.
        timestamp: None leaves it to the producer's clock; ignored by a LogAppendTime topic.
    """

    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored(Record):
    """One record as it stands on a topic; partition and timestamp are always known."""

    partition: int
    timestamp: datetime
    offset: int

    def header(self, name: str) -> bytes | None:
        """The last header of that name."""
        return next((value for key, value in reversed(self.headers) if key == name), None)


async def create_topics(bootstrap: str, partitions: Mapping[str, int], config: Mapping[str, str] | None = None) -> None:
    """Create topics with their numbers of partitions and one configuration; they have a leader on return."""
    async with _admin(bootstrap) as admin:
        new = [NewTopic(name, count, 1, topic_configs=dict(config or {})) for name, count in partitions.items()]
        _raise_for((await admin.create_topics(new)).topic_errors)

        async def led() -> bool:
            seen = {topic["topic"]: topic for topic in await admin.describe_topics(list(partitions))}
            return all(
                seen[name]["error_code"] == 0
                and len(seen[name]["partitions"]) == count
                and all(partition["error_code"] == 0 for partition in seen[name]["partitions"])
                for name, count in partitions.items()
            )

        await until(led, what=f"leaders for the partitions of {', '.join(partitions)}")


async def create_all(environ: Mapping[str, str]) -> None:
    """All of csatwatch's topics, as `csatwatch topics create` makes them with these settings."""
    await create(load_settings(environ))


async def grow_topic(bootstrap: str, topic: str, partitions: int) -> None:
    """Raise a topic's number of partitions."""
    async with _admin(bootstrap) as admin:
        _raise_for((await admin.create_partitions({topic: NewPartitions(partitions)})).topic_errors)


async def delete_topics(bootstrap: str, topics: Iterable[str]) -> None:
    """Delete topics; they are gone from the broker's metadata on return."""
    names = list(topics)
    async with _admin(bootstrap) as admin:
        _raise_for((await admin.delete_topics(names)).topic_error_codes)

        async def gone() -> bool:
            return not set(await admin.list_topics()) & set(names)

        await until(gone, what=f"{', '.join(names)} gone")


async def produce(
    bootstrap: str, topic: str, records: Iterable[Record], *, codec: Codec | None = None
) -> list[tuple[int, int]]:
    """Send the records and wait for all their acknowledgements; (partition, offset) of each, in order."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", compression_type=codec, max_request_size=64 << 20
    ) as producer:
        sent = [
            await producer.send(
                topic,
                key=record.key,
                value=record.value,
                headers=list(record.headers),
                partition=record.partition,
                timestamp_ms=None if record.timestamp is None else round(record.timestamp.timestamp() * 1000),
            )
            for record in records
        ]
        acknowledged = [await each for each in sent]
    return [(each.partition, each.offset) for each in acknowledged]


async def read_all(bootstrap: str, topic: str, *, isolation: Isolation = "read_committed") -> list[Stored]:
    """All records from the first up to the end as it is now, by partition and offset."""
    async with _consumer(bootstrap, isolation=isolation) as consumer:
        partitions = _partitions(await _partition_ids(bootstrap, topic), topic)
        ends = await _ends(consumer, partitions, isolation)
        await consumer.seek_to_beginning(*partitions)
        stored: list[Stored] = []

        async def at_end() -> bool:
            # By position, not by the last record: transaction markers have offsets too.
            behind = [each for each in partitions if await consumer.position(each) < ends[each]]
            if not behind:
                return True
            for partition, records in (await consumer.getmany(*behind, timeout_ms=200)).items():
                stored.extend(
                    Stored(
                        key=record.key,
                        value=record.value,
                        headers=tuple(record.headers),
                        partition=record.partition,
                        offset=record.offset,
                        timestamp=datetime.fromtimestamp(record.timestamp / 1000, UTC),
                    )
                    for record in records
                    if record.offset < ends[partition]
                )
            return False

        await until(at_end, what=f"{topic} read up to {sorted(ends.values())}")
    return sorted(stored, key=lambda record: (record.partition, record.offset))


async def end_offsets(bootstrap: str, topic: str, *, isolation: Isolation = "read_uncommitted") -> dict[int, int]:
    """The offset after the last record, by partition; with read_committed that of the last stable one."""
    partitions = _partitions(await _partition_ids(bootstrap, topic), topic)
    async with _consumer(bootstrap, isolation=isolation) as consumer:
        return {each.partition: offset for each, offset in (await _ends(consumer, partitions, isolation)).items()}


async def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """The offsets that a group committed, by partition; partitions without a commit are left out."""
    partitions = _partitions(await _partition_ids(bootstrap, topic), topic)
    async with _admin(bootstrap) as admin:

        async def fetched() -> tuple[dict[TopicPartition, OffsetAndMetadata]] | None:
            try:
                return (await admin.list_consumer_group_offsets(group, partitions=partitions),)
            except KafkaError as error:
                # The first group of a broker waits for the topic of the offsets to be made.
                if not error.retriable:
                    raise
                return None

        (offsets,) = await until(fetched, what=f"the committed offsets of {group}")
    return {each.partition: known.offset for each, known in offsets.items() if known.offset >= 0}


async def lag(bootstrap: str, group: str, topic: str) -> int:
    """Records of the topic that the group has not committed; a partition without a commit counts from 0."""
    done, ends = await committed(bootstrap, group, topic), await end_offsets(bootstrap, topic)
    return sum(end - done.get(partition, 0) for partition, end in ends.items())


@asynccontextmanager
async def _admin(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _consumer(bootstrap: str, *, isolation: Isolation) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level=isolation, fetch_max_wait_ms=50
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _ends(
    consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition], isolation: Isolation
) -> dict[TopicPartition, int]:
    """The ends as a fetch tells them; assigns the partitions and leaves their positions anywhere.

    The embedded broker's answer to ListOffsets is too low where the last batch has several records.
    """
    consumer.assign(partitions)
    for partition, offset in (await consumer.end_offsets(partitions)).items():
        consumer.seek(partition, offset)
    told = consumer.last_stable_offset if isolation == "read_committed" else consumer.highwater

    async def fetched() -> bool:
        await consumer.getmany(*partitions, timeout_ms=100)
        return all(told(each) is not None for each in partitions)

    await until(fetched, what=f"a fetch from each of {len(partitions)} partitions")
    return {each: told(each) for each in partitions}


async def _partition_ids(bootstrap: str, topic: str) -> list[int]:
    async with _admin(bootstrap) as admin:
        (found,) = await admin.describe_topics([topic])
    if found["error_code"]:
        raise for_code(found["error_code"])(topic)
    return sorted(partition["partition"] for partition in found["partitions"])


def _partitions(ids: Iterable[int], topic: str) -> list[TopicPartition]:
    return [TopicPartition(topic, each) for each in ids]


def _raise_for(errors: Iterable[Sequence[object]]) -> None:
    """Raise for the first of (topic, code, …) whose code is an error."""
    for topic, code, *rest in errors:
        if code:
            raise for_code(code)(f"{topic}: {rest}")
