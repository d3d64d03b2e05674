"""Have the processes read what was published before? On each kind of broker."""

import pytest
from aiokafka.structs import TopicPartition

from agents import kafka
from agents.abreast import Abreast
from agents.session import connected
from agents.settings import Settings
from streams.topology import ALERTS, EVENTS, TRENDS
from tests.conftest import Broker
from tests.servers.topics import Record, create_topics, produce

READERS = {"deliver": (TRENDS, ALERTS), "store": (EVENTS,)}


@pytest.fixture
async def settings(broker: Broker, topic_prefix: str) -> Settings:
    await create_topics(broker.bootstrap, {topic_prefix + name: 2 for name in (ALERTS, TRENDS, EVENTS)})
    return Settings(
        kafka_url=broker.url,
        kafka_transactions=broker.transactions,
        topic_prefix=topic_prefix,
        app_id=f"{topic_prefix}csatwatch",
        partitions=2,
    )


async def publish(settings: Settings, topic: str, *values: bytes) -> None:
    records = [Record(value=value, partition=1) for value in values]
    await produce(settings.kafka_url.removeprefix("kafka://"), settings.topic(topic), records)


async def read(settings: Settings, role: str, topic: str, up_to: int) -> None:
    """What the process commits."""
    group = kafka.consumer(settings, group_id=settings.group(role), enable_auto_commit=False)
    async with connected(group):
        partition = TopicPartition(settings.topic(topic), 1)
        group.assign([partition])
        await group.commit({partition: up_to})


async def read_committed(settings: Settings, topic: str) -> None:
    reader = kafka.consumer(settings, isolation_level="read_committed", auto_offset_reset="earliest")
    async with connected(reader):
        partition = TopicPartition(settings.topic(topic), 1)
        reader.assign([partition])
        assert (await reader.getone(partition)).value == b"1"


async def test_nothing_was_published(settings: Settings) -> None:
    assert await Abreast(settings, READERS, patience=60).reached()


async def test_each_process_has_to_come_as_far_as_the_topics_were(settings: Settings) -> None:
    await publish(settings, EVENTS, b"1", b"2", b"3")
    await publish(settings, ALERTS, b"1")
    abreast = Abreast(settings, READERS, patience=60)
    assert not await abreast.reached()
    await publish(settings, EVENTS, b"4", b"5")  # later than the question
    await read(settings, "deliver", ALERTS, 1)
    await read(settings, "store", EVENTS, 2)
    assert not await abreast.reached()
    await read(settings, "store", EVENTS, 3)
    assert await abreast.reached()
    assert not await abreast.reached()  # the next question is a new one


@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_nobody_reads_a_transactions_marker(settings: Settings) -> None:
    producer = kafka.producer(settings, transactional_id=f"{settings.app_id}-trends")
    async with connected(producer), producer.transaction():
        await producer.send_and_wait(settings.topic(TRENDS), b"1", partition=1)
    # The marker is written after the commit was accepted; who reads the committed alone sees the record then.
    await read_committed(settings, TRENDS)
    abreast = Abreast(settings, READERS, patience=60)
    assert not await abreast.reached()
    await read(settings, "deliver", TRENDS, 1)  # the marker is behind it
    assert await abreast.reached()


async def test_a_process_that_stays_away_is_not_waited_for_for_ever(settings: Settings) -> None:
    await publish(settings, EVENTS, b"1")
    assert await Abreast(settings, READERS, patience=0).reached()
