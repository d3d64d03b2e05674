"""Kafka's clients as csatwatch makes them."""

import asyncio
import logging

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import NodeNotReadyError

from agents import kafka
from agents.session import connected
from agents.settings import Settings
from agents.transport.fetcher import batching
from tests.conftest import Broker
from tests.servers.topics import create_topics


@pytest.mark.parametrize("batched", [False, True])
async def test_a_consumer_closes_while_a_fetch_waits_to_be_tried_again(
    broker: Broker,
    topic_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    batched: bool,
) -> None:
    caplog.set_level(logging.CRITICAL, "aiokafka")
    await create_topics(broker.bootstrap, {topic_prefix + "t": 1})
    refused = asyncio.Event()

    async def away(*_: object, **__: object) -> None:
        refused.set()
        raise NodeNotReadyError

    stock = kafka.consumer(Settings(kafka_url=broker.url), retry_backoff_ms=600_000)
    async with connected(batching(stock, {topic_prefix + "t"}) if batched else stock) as consumer:
        tp = TopicPartition(topic_prefix + "t", 0)
        consumer.assign([tp])
        await consumer.seek_to_end(tp)
        await consumer.getmany(timeout_ms=1)
        monkeypatch.setattr(consumer._client, "send", away)
        await refused.wait()
        monkeypatch.undo()
    assert not any(connection.connected() for connection in consumer._client._conns.values())
