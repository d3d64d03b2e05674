import asyncio
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import UnknownTopicOrPartitionError

from tests.servers.kafka import KafkaServer
from tests.servers.topics import (
    Codec,
    Record,
    Stored,
    committed,
    create_topics,
    delete_topics,
    end_offsets,
    grow_topic,
    lag,
    produce,
    read_all,
)
from tests.servers.wait import until


def values(records: list[Stored]) -> list[bytes | None]:
    return [record.value for record in records]


async def test_a_record_comes_back_as_it_was_sent(kafka: KafkaServer, topic_prefix: str) -> None:
    topic = f"{topic_prefix}records"
    await create_topics(kafka.bootstrap, {topic: 3})
    sent = Record(
        key=b"key",
        value=b"value",
        headers=(("once", b"1"), ("twice", b"2"), ("twice", b"3")),
        partition=2,
        timestamp=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    )

    coordinates = await produce(kafka.bootstrap, topic, [Record(value=None, key=b"gone", partition=0), sent])
    gone, stored = await read_all(kafka.bootstrap, topic)

    assert coordinates == [(0, 0), (2, 0)]
    assert (gone.partition, gone.key, gone.value) == (0, b"gone", None)
    assert (stored.partition, stored.offset) == (2, 0)
    assert (stored.key, stored.value, stored.headers) == (sent.key, sent.value, sent.headers)
    assert stored.timestamp == sent.timestamp
    assert stored.header("twice") == b"3"
    assert stored.header("never") is None


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_is_read(kafka: KafkaServer, topic_prefix: str, codec: Codec) -> None:
    topic = f"{topic_prefix}{codec}"
    await create_topics(kafka.bootstrap, {topic: 1})
    sent = [Record(value=b"%d" % number) for number in range(100)]

    await produce(kafka.bootstrap, topic, sent, codec=codec)

    assert values(await read_all(kafka.bootstrap, topic)) == [record.value for record in sent]


async def test_only_committed_transactions_are_read(kafka: KafkaServer, topic_prefix: str) -> None:
    topic = f"{topic_prefix}transactions"
    await create_topics(kafka.bootstrap, {topic: 1})
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=f"{topic_prefix}writer"
    ) as producer:
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"open")

        assert values(await read_all(kafka.bootstrap, topic)) == [b"committed"]
        everything = await read_all(kafka.bootstrap, topic, isolation="read_uncommitted")
        assert values(everything) == [b"committed", b"aborted", b"open"]
        # Three records and the marker behind each of the first two; the stable end is before the open one.
        assert await end_offsets(kafka.bootstrap, topic) == {0: 5}
        assert await end_offsets(kafka.bootstrap, topic, isolation="read_committed") == {0: 4}
        await producer.abort_transaction()


async def test_commits_and_lag_of_a_group(kafka: KafkaServer, topic_prefix: str) -> None:
    topic, group = f"{topic_prefix}work", f"{topic_prefix}workers"
    await create_topics(kafka.bootstrap, {topic: 2})
    await produce(kafka.bootstrap, topic, [Record(value=b"x", partition=number % 2) for number in range(6)])
    assert await committed(kafka.bootstrap, group, topic) == {}
    assert await lag(kafka.bootstrap, group, topic) == 6

    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 1)])
    await consumer.commit({TopicPartition(topic, 1): 2})
    await consumer.stop()

    assert await committed(kafka.bootstrap, group, topic) == {1: 2}
    assert await lag(kafka.bootstrap, group, topic) == 4


async def test_topics_grow_and_go(kafka: KafkaServer, topic_prefix: str) -> None:
    topic = f"{topic_prefix}short-lived"
    await create_topics(kafka.bootstrap, {topic: 1}, {"cleanup.policy": "compact"})
    await grow_topic(kafka.bootstrap, topic, 3)

    async def grown() -> bool:
        return set(await end_offsets(kafka.bootstrap, topic)) == {0, 1, 2}

    await until(grown, what="three partitions")

    await delete_topics(kafka.bootstrap, [topic])

    with pytest.raises(UnknownTopicOrPartitionError):
        await end_offsets(kafka.bootstrap, topic)


@pytest.mark.slow  # a third of a minute
async def test_data_and_port_outlive_stop_and_kill(own_kafka: KafkaServer) -> None:
    bootstrap = own_kafka.bootstrap
    await create_topics(bootstrap, {"kept": 1})
    await produce(bootstrap, "kept", [Record(value=b"before")])

    await asyncio.to_thread(own_kafka.restart)
    await produce(bootstrap, "kept", [Record(value=b"after stop")])
    own_kafka.kill()
    assert own_kafka.pid is None
    await asyncio.to_thread(own_kafka.start)

    assert own_kafka.bootstrap == bootstrap
    assert values(await read_all(bootstrap, "kept")) == [b"before", b"after stop"]


def test_a_broker_that_does_not_come_up_says_why(kafka: KafkaServer, own_kafka: KafkaServer) -> None:
    own_kafka.stop()
    own_kafka.port = kafka.port
    with pytest.raises(RuntimeError, match="Address already in use"):
        own_kafka.start()
    assert own_kafka.pid is None
