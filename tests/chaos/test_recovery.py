"""How a worker's place is taken, and what becomes of state that is damaged or does not belong here."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.chaos import verdict
from tests.chaos.faults import damage
from tests.chaos.feed import Feed
from tests.chaos.site import SESSION, Site
from tests.servers.kafka import KafkaServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


async def test_a_killed_worker_is_replaced_soon_after_its_session(
    kafka: KafkaServer, tmp_path: Path, topic_prefix: str, record_property: Callable[[str, object], None]
) -> None:
    site = Site(kafka, tmp_path, partitions=8, prefix=topic_prefix)
    await site.create()
    workers = [site.worker(f"w{i}") for i in range(2)]
    feed = list(Feed(3, 4_000, customers=100, partitions=8, oversize=0))
    try:
        for worker in workers:
            worker.start()
        await asyncio.gather(*(w.process.ready() for w in workers))
        async with site.producer() as producer:
            await site.publish(producer, feed[:2_000])
            await site.caught_up(60)
            await workers[0].leave(kill=True)
            killed = time.monotonic()
            await site.publish(producer, feed[2_000:])  # to every partition, so the dead worker's are among them
            await site.caught_up(60)
        seconds = time.monotonic() - killed
        record_property("seconds until all partitions are worked on again", round(seconds, 1))
        assert seconds < 2 * SESSION + 10  # the aim is its session and 2 s more: a busy machine takes longer
    finally:
        await asyncio.gather(*(w.leave() for w in workers))


def without_current(database: Path) -> None:
    (database / "CURRENT").unlink()


def with_another_manifest(database: Path) -> None:
    for file in database.glob("MANIFEST-*"):
        file.write_bytes(b"not a manifest" * 100)


def with_damaged_blocks(database: Path) -> None:
    for file in database.glob("*.sst"):
        data = bytearray(file.read_bytes())
        data[: len(data) // 2] = bytes(byte ^ 0x5A for byte in data[: len(data) // 2])
        file.write_bytes(data)


def with_anything(database: Path) -> None:
    random = Random(database.name)  # noqa: S311 (reproducible, not secret)
    for file in sorted(database.iterdir()):
        damage(file, random)


@pytest.mark.parametrize("harm", [without_current, with_another_manifest, with_damaged_blocks, with_anything])
async def test_damaged_state_is_rebuilt_and_said_so(
    kafka: KafkaServer, tmp_path: Path, topic_prefix: str, harm: Callable[[Path], None]
) -> None:
    site = Site(kafka, tmp_path, partitions=2, prefix=topic_prefix)
    await site.create()
    worker = site.worker("w")
    feed = list(Feed(4, 2_000, customers=60, partitions=2, oversize=0))
    async with site.producer() as producer:
        for part in (feed[:800], feed[800:1_000]):  # a second start writes what the first left in its log to a table
            worker.start()
            await worker.process.ready()
            await site.publish(producer, part)
            await site.caught_up(60)
            await worker.leave()
        databases = list(worker.state.glob("**/*.db"))
        assert len(databases) == site.partitions
        for database in databases:
            harm(database)
        worker.start()
        await site.publish(producer, feed[1_000:])
        await site.caught_up(60)
    await worker.leave()
    assert "it is rebuilt from the changelog" in worker.log
    should = await verdict.expected(site)
    assert await verdict.alerts(site, should) == []
    assert await verdict.state(site, should) == []
    assert await verdict.local_state(site, [worker.state]) == []


async def test_state_of_another_cluster_is_not_touched(
    kafka: KafkaServer, own_kafka: KafkaServer, tmp_path: Path, topic_prefix: str
) -> None:
    stores = []
    for server in (kafka, own_kafka):
        site = Site(server, tmp_path / str(server.port), partitions=2, prefix=topic_prefix)
        site.directory.mkdir()
        await site.create()
        worker = site.worker("w", state=tmp_path / "state")
        worker.start()
        async with site.producer() as producer:
            await worker.process.ready()
            await site.publish(producer, Feed(server.port, 500, customers=20, partitions=2, oversize=0))
            await site.caught_up(60)
        await worker.leave()
        should = await verdict.expected(site)
        stores += [store for store in worker.state.iterdir() if store not in stores]
        assert await verdict.state(site, should) == []
        assert await verdict.local_state(site, stores[-1:]) == []
    assert len(stores) == 2
