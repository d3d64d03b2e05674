"""A batched topic through Faust's own app, in this process."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import TP

from agents.app import build
from agents.settings import Settings
from agents.transport.app import BatchApp
from agents.transport.batch import Batch
from agents.transport.fetcher import batching
from tests.conftest import Broker
from tests.servers.kafka import KafkaServer
from tests.servers.topics import Record, committed, create_topics, produce
from tests.servers.wait import until


@pytest.fixture
def settings(broker: Broker, topic_prefix: str, tmp_path: Path) -> Settings:
    return Settings(
        kafka_url=broker.url,
        kafka_transactions=broker.transactions,
        topic_prefix=topic_prefix,
        app_id=f"{topic_prefix}csatwatch",
        state_dir=tmp_path,
    )


async def test_nothing_is_kept_of_a_batch_that_is_done(broker: Broker, settings: Settings) -> None:
    # In Faust's lists a worker would keep a number of every batch until it ends: a gigabyte in a day or two.
    topic, offsets, batches = settings.topic("csat-events"), list[int](), asyncio.Queue[Batch]()

    await create_topics(broker.bootstrap, {topic: 1})
    app = build(settings, "store")
    app.batch_agent(topic, batches.put, name="test")
    await app.start()
    try:
        for _ in range(20):
            await produce(broker.bootstrap, topic, [Record(value=b"value")])
            offsets += [record.offset for record in (await batches.get()).records]

        async def done() -> bool:
            return await committed(broker.bootstrap, settings.group("store"), topic) == {0: 20}

        await until(done, what="the commit")
        consumer = app.batches
        kept = [*consumer._acked.values(), *consumer._acked_index.values(), *consumer._in_hand.values()]
        assert not any(kept)
        assert not consumer._unacked_messages
        assert not consumer._gap
    finally:
        await app.stop()
    assert offsets == list(range(20))


async def test_a_full_queue_holds_up_no_rebalance_and_no_partition(
    kafka: KafkaServer, topic_prefix: str, tmp_path: Path
) -> None:
    # The consumer waits for room in an agent's queue; when a rebalance empties it, nobody takes from it any more.
    settings = Settings(
        kafka_url=kafka.url, topic_prefix=topic_prefix, app_id=f"{topic_prefix}csatwatch", state_dir=tmp_path
    )
    topic, partitions = settings.topic("csat-events"), range(4)
    done, go_on = set[tuple[int, int]](), asyncio.Event()

    async def handle(batch: Batch) -> None:
        await go_on.wait()
        done.update((batch.partition, record.offset) for record in batch.records)

    def waiting_for_room(app: BatchApp) -> bool:
        by_partition = cast("Any", app.topics)._tp_index
        return any(channel.queue._putters for channels in by_partition.values() for channel in channels)

    def worker() -> BatchApp:
        app = build(settings, "store")
        app.batch_agent(topic, handle, name="test")
        return app

    async def add() -> None:
        await produce(kafka.bootstrap, topic, [Record(value=b"value", partition=partition) for partition in partitions])

    await create_topics(kafka.bootstrap, {topic: len(partitions)})
    await add()  # one in hand, two in the queue, one that waits for room
    stays, joins = worker(), worker()
    await stays.start()
    try:
        await until(lambda: waiting_for_room(stays), what="a full queue")
        fetched = {tp.partition for tp in stays.batches._get_active_partitions() if tp.topic == topic}
        assert fetched == set(partitions)  # Faust waits for a second when it has left all of them out
        starting = asyncio.create_task(joins.start())
        try:
            await until(lambda: not stays.batches.flow_active, what="the rebalance")
            go_on.set()
            await until(lambda: len(done) == len(partitions), what="all records")
        finally:
            await starting
            await joins.stop()
        await add()
        await until(lambda: len(done) == 2 * len(partitions), what="all records of the worker that stays")
    finally:
        await stays.stop()


async def test_a_stop_beside_a_checkpoint_commits_what_came_meanwhile(broker: Broker, settings: Settings) -> None:
    # Faust's commit waits for one that is under way, and leaves it at that: the next owner would repeat the rest.
    topic, handled = settings.topic("csat-events"), 0
    begun, go_on, kept = asyncio.Event(), asyncio.Event(), list[tuple[int | None, bool]]()

    async def handle(batch: Batch) -> None:
        nonlocal handled
        handled += len(batch.records)

    async def checkpoint(partitions: set[TP], *, last: bool) -> Mapping[TP, int]:
        offsets = {tp: offset for tp in partitions if (offset := app.batches.handled_up_to(tp)) is not None}
        kept.extend((offset, last) for offset in offsets.values())
        begun.set()
        await go_on.wait()
        return offsets

    await create_topics(broker.bootstrap, {topic: 1})
    app = build(settings, "store")
    app.batch_agent(topic, handle, name="test")
    app.checkpointed.add(topic)
    app.checkpoint = checkpoint
    await app.start()
    try:
        await produce(broker.bootstrap, topic, [Record(value=b"value")])
        await begun.wait()
        await produce(broker.bootstrap, topic, [Record(value=b"value")])
        await until(lambda: handled == 2, what="the second record")
    finally:
        stopping = asyncio.create_task(app.stop())
        await until(lambda: app.batches.finishing, what="the stop")
        go_on.set()
        await stopping
    assert kept == [(1, False), (2, True)]


async def test_what_nobody_reads_is_not_fetched(broker: Broker, topic_prefix: str) -> None:
    # aiokafka would keep the first megabytes of it, of each partition.
    events, log = (TopicPartition(f"{topic_prefix}{name}", 0) for name in ("events", "log"))
    await create_topics(broker.bootstrap, {events.topic: 1, log.topic: 1})
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    async with batching(consumer, {events.topic}, unread={log.topic}):
        consumer.assign([events, log])
        for number in (b"1", b"2"):
            for tp in (log, events):
                await produce(broker.bootstrap, tp.topic, [Record(value=number)])
            assert (await consumer.getone(events)).value == number
        assert log not in consumer._fetcher._records
        assert (await consumer.position(log)) == 0
