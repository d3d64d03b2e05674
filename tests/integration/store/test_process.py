"""The store as a process: topics in, rows out, whatever dies in between."""

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from streams.partition import partition_of
from streams.topology import CUSTOMERS, EVENTS, HEADER_REROUTED
from tests.conftest import Broker
from tests.integration.store.conftest import expected, feed, stored
from tests.servers.databases import Databases
from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.topics import Record, create_all, lag, produce
from tests.servers.wait import until

PARTITIONS = 4


@dataclass
class Installation:
    broker: Broker
    settings: dict[str, str]
    directory: Path
    pool: asyncpg.Pool

    @property
    def prefix(self) -> str:
        return self.settings["CSATWATCH_TOPIC_PREFIX"]

    def store(self) -> Csatwatch:
        return Csatwatch("store", self.settings, self.directory)

    async def publish(self, events: Iterable[Mapping[str, Any] | bytes], *, astray: bool = False) -> None:
        """Each on its customer's partition, or all on the first as a keyless producer may; bytes go as they are."""
        records = []
        for event in events:
            value = event if isinstance(event, bytes) else json.dumps(event).encode()
            home = 0 if isinstance(event, bytes) or astray else partition_of(event["customer_id"], PARTITIONS)
            records.append(Record(value=value, partition=home))
        await produce(self.broker.bootstrap, self.prefix + EVENTS, records)

    async def committed(self) -> None:
        """All that is on both topics is committed."""
        group = self.settings["CSATWATCH_APP_ID"] + "-store"
        for topic in (EVENTS, CUSTOMERS):

            async def caught_up(topic: str = topic) -> bool:
                return await lag(self.broker.bootstrap, group, self.prefix + topic) == 0

            await until(caught_up, what=f"{topic} is committed", within=60)

    async def rows(self, count: int) -> None:
        async def there() -> bool:
            return len(await stored(self.pool)) >= count

        await until(there, what=f"{count} rows are stored", within=60)


@pytest.fixture
async def installation(
    broker: Broker, topic_prefix: str, tmp_path: Path, postgres: str, pool: asyncpg.Pool
) -> Installation:
    settings = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_KAFKA_TRANSACTIONS": str(broker.transactions).lower(),
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": str(PARTITIONS),
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
    }
    await create_all(settings)
    return Installation(broker, settings, tmp_path, pool)


@pytest.mark.both_brokers
async def test_what_is_on_the_topics_is_in_the_tables(installation: Installation) -> None:
    events = feed(11, 1000)
    customer_id = events[0]["customer_id"]
    await installation.publish([*events[:500], b"{", *events[500:]])
    async with installation.store() as store:
        account = json.dumps({"customer_id": customer_id, "name": "GlobalTech"}).encode()
        record = Record(key=customer_id.encode(), value=account)
        await produce(installation.broker.bootstrap, installation.prefix + CUSTOMERS, [record])
        await installation.committed()
        assert await stored(installation.pool) == expected(events)
        named = await installation.pool.fetch("select customer_id, name from customers where name is not null")
        assert [tuple(row) for row in named] == [(customer_id, "GlobalTech")]
        metrics = await store.metrics()
    total = 'csatwatch_events_total{event_type="%s",result="%s",role="store"} %s.0'
    assert total % ("support_csat_received", "stored", len(events)) in metrics
    assert total % ("unknown", "skipped", 1) in metrics
    assert "words of" not in store.log


async def test_killed_in_the_middle_nothing_is_lost(installation: Installation) -> None:
    if not installation.broker.transactions:
        pytest.skip("the embedded broker takes half a minute to give up a killed member")
    events = feed(12, 4000)
    store = installation.store().start()
    await store.ready()
    publishing = asyncio.create_task(_in_parts(installation, events))
    for count in (100, 1500):
        await installation.rows(count)
        store.kill()
        store.start()
    await publishing
    await installation.committed()
    assert await stored(installation.pool) == expected(events)
    assert await store.terminate() == 0


async def test_two_workers_share_records_that_are_astray_and_their_copies(installation: Installation) -> None:
    if not installation.broker.transactions:
        pytest.skip("one worker at a time on the embedded broker")
    events = feed(13, 2000)
    async with installation.store(), installation.store():
        await installation.publish(events, astray=True)
        copies = [
            Record(
                value=json.dumps(event).encode(),
                partition=partition_of(event["customer_id"], PARTITIONS),
                headers=((HEADER_REROUTED, b"1"),),
            )
            for event in events
        ]
        await produce(installation.broker.bootstrap, installation.prefix + EVENTS, copies)
        await installation.committed()
    assert await stored(installation.pool) == expected(events)


async def test_a_closed_database_is_waited_for(installation: Installation, databases: Databases) -> None:
    events = feed(14, 600)
    name = urlsplit(installation.settings["CSATWATCH_POSTGRES_DSN"]).path.removeprefix("/")
    operator = await asyncpg.connect(databases.dsn)
    try:
        async with installation.store() as store:
            await installation.publish(events[:300])
            await installation.committed()
            await operator.execute(f"alter database {name} with allow_connections false")
            await operator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
            await installation.publish(events[300:])

            async def not_ready() -> bool:
                return await store.get("/readyz") == 503

            await until(not_ready, what="/readyz says that Postgres is away")
            assert await store.get("/livez") == 200
            await operator.execute(f"alter database {name} with allow_connections true")
            await installation.committed()
            assert await store.get("/readyz") == 200
    finally:
        await operator.close()
    assert await stored(installation.pool) == expected(events)


async def test_a_newer_database_is_said_and_ends_with_two(installation: Installation) -> None:
    await installation.pool.execute(
        "insert into migrations (number, name, checksum, breaks) "
        "select max(number) + 1, '9999_next.sql', '', true from migrations"
    )
    ended = await csatwatch("store", settings=installation.settings, directory=installation.directory)
    assert ended.code == 2
    assert "CSATWATCH_POSTGRES_DSN" in ended.stderr
    assert "newer than this csatwatch" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


async def _in_parts(installation: Installation, events: list[dict[str, Any]]) -> None:
    for start in range(0, len(events), 400):
        await installation.publish(events[start : start + 400])
