"""Any producer's records are read: their codec, their partitioner and their size are the producer's to choose."""

import json
from typing import Any

import pytest
from confluent_kafka import Producer

from streams.partition import partition_of
from streams.topology import EVENTS, HEADER_REROUTED
from tests.conftest import Broker
from tests.integration.detector.conftest import PARTITIONS, TODAY, Installation, expected, feed
from tests.memory import ACME, answer
from tests.servers.metrics import counted
from tests.servers.processes import Csatwatch
from tests.servers.topics import Record, Stored, produce


def home(record: Stored) -> int:
    return partition_of(json.loads(record.value or b"")["customer_id"], PARTITIONS)


def sent_by_librdkafka(
    installation: Installation, events: list[dict[str, Any]], *, keyed: bool, **options: Any
) -> None:
    producer = Producer({"bootstrap.servers": installation.broker.bootstrap, **options})
    for event in events:
        key = event["customer_id"].encode() if keyed else None
        producer.produce(installation.prefix + EVENTS, json.dumps(event).encode(), key)
        producer.poll(0)
    assert producer.flush(30) == 0


@pytest.mark.parametrize("keyed", [True, False])
async def test_records_on_a_wrong_partition_are_rerouted_once(installation: Installation, *, keyed: bool) -> None:
    # Each customer answers once, so that the order in which the partitions are read does not matter.
    events = [e | {"customer_id": f"{i:08}-0000-4000-8000-000000000000"} for i, e in enumerate(feed(5, 200))]
    sent_by_librdkafka(installation, events, keyed=keyed)
    async with installation.detector():
        await installation.processed()
        await installation.processed()  # what was rerouted is behind the first end
    assert await installation.statuses() == expected(events)
    read = await installation.read(EVENTS)
    again = [r for r in read if r.header(HEADER_REROUTED)]
    astray = [r for r in read if not r.header(HEADER_REROUTED) and r.partition != home(r)]
    assert all(r.partition == home(r) for r in again)
    assert 0 < len(again) == len(astray) < len(events)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_every_codec_is_read(installation: Installation, codec: str) -> None:
    events = feed(6, 50)
    options = {"compression.type": codec, "partitioner": "murmur2_random", "linger.ms": 50}
    sent_by_librdkafka(installation, events, keyed=True, **options)
    async with installation.detector():
        await installation.processed()
    assert await installation.statuses() == expected(events)


async def test_a_flood_of_dead_letters_stops_the_detector_and_is_let_through_on_demand(
    installation: Installation,
) -> None:
    if not installation.broker.transactions:
        pytest.skip("tried once, where records come fast")
    await installation.publish([b"x"] * 25_000)
    flooded = installation.detector()
    for _ in range(2):  # the second time at once: what was counted outlives the process
        flooded.start()
        assert await flooded.ended() != 0
        assert "CSATWATCH_DEAD_LETTER_LIMIT=1" in flooded.log
    assert len(await installation.dead_letters()) < 25_000
    relieved = installation.settings | {"CSATWATCH_DEAD_LETTER_LIMIT": "1"}
    async with Csatwatch("detect", relieved, installation.directory):
        await installation.processed()
    assert len(await installation.dead_letters()) >= 25_000


async def test_strange_records_are_dead_lettered_and_the_stream_goes_on(
    kafka: object, installation: Installation, broker: Broker
) -> None:
    if not broker.transactions:
        pytest.skip("the embedded broker has no limit of a record's size")
    topic, large = installation.prefix + EVENTS, b'{"feedback": "' + b"x" * 1_000_000 + b'"}'
    strange = [
        Record(value=b"", key=b"k", partition=0),
        Record(value=None, key=b"k", partition=1),
        Record(value=large, key=b"k", partition=2),
        *(Record(value=b"%d" % i, key=None, partition=3) for i in range(10_000)),
    ]
    await produce(installation.broker.bootstrap, topic, strange)
    bare = Producer({"bootstrap.servers": installation.broker.bootstrap})
    bare.produce(topic, None, None, partition=1)
    assert bare.flush(30) == 0
    other_key = answer(1, TODAY)
    await produce(
        installation.broker.bootstrap,
        topic,
        [Record(value=json.dumps(other_key).encode(), key=b"somebody else", partition=p) for p in range(PARTITIONS)],
    )
    async with installation.detector() as detector:
        await installation.processed()
        await installation.processed()
        counts = await counted(detector)
    (alert,) = await installation.alerts()
    assert alert.customer_id == ACME
    letters = await installation.dead_letters()
    assert len(letters) == len(strange) + 1
    assert large in [x.value for x in letters]
    assert counts["dead_letter"] == len(letters)
    # The answer came on each partition, and from three of them it was sent to its own.
    assert (counts["applied"], counts["duplicate"], counts["rerouted"]) == (1, PARTITIONS - 1, PARTITIONS - 1)
    assert sum(counts.values()) == len(await installation.read(EVENTS))
