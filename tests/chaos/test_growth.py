"""Partitions become more under a feed that goes on, with everything else running."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from streams.partition import partition_of
from streams.topology import ALERTS, TRENDS
from tests.chaos import verdict
from tests.chaos.feed import POISON_KEY, Feed
from tests.chaos.site import Site
from tests.servers.kafka import KafkaServer
from tests.servers.processes import csatwatch, running
from tests.servers.topics import Record, committed, lag
from tests.servers.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

FEW, MANY = 4, 12
_GROUPS = {"store": ("csat-events",), "deliver": (ALERTS, TRENDS)}


def among(records: Sequence[Record], partitions: int) -> Iterator[Record]:
    """As a producer sends them that knows of so many partitions."""
    for record in records:
        if record.key == POISON_KEY:
            yield record
        else:
            yield replace(record, partition=partition_of(json.loads(record.value or b"")["customer_id"], partitions))


async def test_a_feed_goes_on_while_partitions_grow(
    kafka: KafkaServer, postgres: str, tmp_path: Path, topic_prefix: str
) -> None:
    site = Site(kafka, tmp_path, FEW, topic_prefix, {"CSATWATCH_POSTGRES_DSN": postgres})
    await site.create()
    workers = [site.worker(f"w{i}") for i in range(2)]
    feed = list(Feed(21, 20_000, customers=800, partitions=FEW, oversize=2))
    async with site.producer() as producer, running(site.settings(), tmp_path, "store", "deliver"):
        for worker in workers:
            worker.start()
        await asyncio.gather(*(w.process.ready(120) for w in workers))
        await site.publish(producer, feed[:8_000])
        await site.caught_up(60)
        await asyncio.gather(*(w.leave() for w in workers))

        # What is sent from here on, until they start again, nobody has read.
        await site.publish(producer, feed[8_000:9_000])
        growing = asyncio.create_task(grow(site, "states-moved:1:kill"))
        await site.publish(producer, feed[9_000:10_000])
        assert await growing == -9
        before = verdict.Before(FEW, await committed(site.bootstrap, site.group, site.events))
        assert await grow(site) == 0
        site.partitions = MANY
        await site.publish(producer, feed[10_000:12_000])  # as one who has not heard of it
        for worker in workers:
            worker.start()
        async with site.producer() as later:
            await site.publish(later, among(feed[12_000:], MANY))
        await site.caught_up(90)
        await site.caught_up(90)  # what was sent on is behind the first end

        async def read_by_all() -> bool:
            left = [
                await lag(site.bootstrap, f"{site.app_id}-{role}", site.prefix + topic)
                for role, topics in _GROUPS.items()
                for topic in topics
            ]
            # Of csat-trends a transaction's marker is left on every partition.
            return all(n <= MANY for n in left)

        await until(read_by_all, what="store and deliver at the end", within=60)
        await asyncio.gather(*(w.leave() for w in workers))

    should = await verdict.expected(site, before)
    assert await verdict.alerts(site, should) == []
    assert await verdict.state(site, should) == []
    assert await verdict.local_state(site, [w.state for w in workers]) == []
    assert [w.wrong for w in workers] == [{}, {}]
    await _in_postgres(site, postgres, should)


async def grow(site: Site, failpoint: str | None = None) -> int:
    armed = {} if failpoint is None else {"FAILPOINT": failpoint, "FAILPOINTS_ALLOWED": "yes"}
    done = await csatwatch(
        *("topics", "grow", "--while-events-come", "--partitions", str(MANY)),
        settings=site.settings() | armed,
        directory=site.directory,
    )
    return done.code


async def _in_postgres(site: Site, dsn: str, should: verdict.Expected) -> None:
    trends = {(r.partition, r.key): r.value for r in await site.read(TRENDS)}
    known = {key.decode() for (_, key), value in trends.items() if key and value is not None}
    connection = await asyncpg.connect(dsn)
    try:
        assert {str(row[0]) for row in await connection.fetch("select customer_id from trends")} == known
        alerts = {str(row[0]): row[1] for row in await connection.fetch("select alert_id, status from alerts")}
        ratings = await connection.fetch("select customer_id, response_id from support_satisfaction")
    finally:
        await connection.close()
    assert alerts == should.statuses
    stored = {(str(customer), survey) for customer, survey in ratings}
    assert {(customer, survey) for customer, window in should.windows.items() for survey in window} <= stored
