"""The weekly digest of the real `csatwatch deliver`, between a broker, Postgres and Slack."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from schemas.customer import Customer, Person
from schemas.policy import WeeklyDigest, load_policy
from sinks.customers import Account, store_customers
from sinks.digests import Digests, TrendRecord, standings, store_trends
from streams.digest import compose
from streams.topology import ACTIONS, ALERTS, EVENTS, TRENDS
from streams.week import last_slot
from tests.conftest import Broker
from tests.digests import customer, fallen
from tests.servers.fake_slack import FakeSlack
from tests.servers.processes import Csatwatch
from tests.servers.topics import Record, Stored, create_topics, produce, read_all
from tests.servers.wait import until

CSMS = [f"csm{n}@example.com" for n in range(6)]
ACCOUNTS = 24
_GATE = 4711


@dataclass
class Site:
    broker: Broker
    prefix: str
    pool: asyncpg.Pool
    dsn: str
    slack: FakeSlack
    settings: dict[str, str]
    directory: Path

    def deliver(self) -> Csatwatch:
        return Csatwatch("deliver", self.settings, self.directory)

    async def add_accounts(self) -> None:
        """Every CSM has four, each falling."""
        now = datetime.now(UTC)
        accounts = [
            Customer(
                customer_id=customer(n),
                name=f"Customer {n}",
                arr=1000.0 * (n + 1),
                currency="USD",
                csm=Person(name=f"Csm {n % len(CSMS)}", email=CSMS[n % len(CSMS)]),
            )
            for n in range(ACCOUNTS)
        ]
        async with self.pool.acquire() as connection:
            await store_customers(connection, [Account(each.customer_id, each, now) for each in accounts])

    async def publish_trends(self) -> None:
        trends = [fallen(n, as_of=datetime.now(UTC)) for n in range(ACCOUNTS)]
        records = [Record(key=each.customer_id.encode(), value=each.to_json()) for each in trends]
        await produce(self.broker.bootstrap, self.prefix + TRENDS, records)

    async def published(self) -> list[Stored]:
        return await read_all(self.broker.bootstrap, self.prefix + ALERTS)

    async def all_sent(self) -> None:
        async def sent() -> bool:
            done = await self.pool.fetchval("select count(*) from deliveries where state = 'done'")
            return bool(done == len(CSMS))

        await until(sent, what="every digest sent", within=60)

    def in_slack(self) -> Counter[str]:
        """Digests by CSM."""
        return Counter(each.channel for each in self.slack.messages())

    @asynccontextmanager
    async def gate(self) -> AsyncIterator[None]:
        """No digest can be marked as published meanwhile: whoever tries waits."""
        await self.pool.execute(
            f"create or replace function gate() returns trigger language plpgsql as $$ begin "
            f"if new.published_at is not null then perform pg_advisory_xact_lock({_GATE}); end if; return new; end $$"
        )
        await self.pool.execute(
            "create or replace trigger gate before update on digests for each row execute function gate()"
        )
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(f"select pg_advisory_lock({_GATE})")
            yield
        finally:
            await connection.close()


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    with FakeSlack({email: f"U{n:04}" for n, email in enumerate(CSMS)}) as slack:
        yield slack


@pytest.fixture
async def site(
    broker: Broker, topic_prefix: str, postgres: str, pool: asyncpg.Pool, workspace: FakeSlack, tmp_path: Path
) -> Site:
    topics = {topic_prefix + name: 2 for name in (ALERTS, TRENDS, EVENTS, ACTIONS)}
    await create_topics(broker.bootstrap, topics)
    settings = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_KAFKA_TRANSACTIONS": str(broker.transactions).lower(),
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "2",
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_SLACK_BOT_TOKEN": workspace.token,
        "CSATWATCH_SLACK_API_URL": workspace.url,
        "CSATWATCH_SLACK_TIMEOUT_SECONDS": "1",
    }
    made = Site(broker, topic_prefix, pool, postgres, workspace, settings, tmp_path)
    # As if it had been there for weeks: so the last digest was missed, and is to be caught up.
    await pool.execute("update migrations set applied_at = now() - interval '40 days'")
    await made.add_accounts()
    return made


@pytest.mark.slow  # half a minute
async def test_several_workers_send_each_csm_one_and_a_restart_none(site: Site) -> None:
    await site.publish_trends()
    async with site.deliver() as first, site.deliver():
        await site.all_sent()
        assert site.in_slack() == dict.fromkeys(site.in_slack(), 1)
        assert len(site.in_slack()) == len(CSMS)
        records = await site.published()
        assert sorted((each.key or b"").decode() for each in records) == CSMS
        for each in records:
            digest = json.loads(each.value or b"")
            assert digest["week"] == last_slot(datetime.now(UTC), WeeklyDigest(), "UTC").week
            assert [item["part"] for item in digest["items"]] == ["falling"] * (ACCOUNTS // len(CSMS))
            assert each.header("ce_type") == b"csatwatch.alert.weekly_digest.firing"
        shown = str(site.slack.messages())
        assert all(f"Customer {n} (" in shown for n in range(ACCOUNTS))
        assert "csatwatch_digests_waiting 0.0" in await first.metrics()
    async with site.deliver() as again:
        await settled(again)
        assert len(await site.published()) == len(CSMS)
        assert sum(site.in_slack().values()) == len(CSMS)


@pytest.mark.slow  # half a minute
async def test_a_worker_killed_between_the_topic_and_its_mark(site: Site) -> None:
    await site.publish_trends()
    async with site.gate():
        async with site.deliver() as worker:

            async def on_the_topic() -> bool:
                return len(await site.published()) == len(CSMS)

            await until(on_the_topic, what="published, and not known to be", within=60)
            worker.kill()
        assert await site.pool.fetchval("select count(*) from digests where published_at is not null") == 0
    async with site.deliver() as other:
        await site.all_sent()
        await settled(other)
        records = await site.published()
        assert Counter(each.key for each in records) == dict.fromkeys((email.encode() for email in CSMS), 2)
        assert len({each.value for each in records}) == len(CSMS)
        assert sum(site.in_slack().values()) == len(CSMS)


async def test_a_worker_killed_between_the_row_and_the_topic(site: Site) -> None:
    now, policy = datetime.now(UTC), load_policy(None)
    async with site.pool.acquire() as connection:
        trends = [TrendRecord(customer(n), fallen(n, as_of=now), now, n) for n in range(ACCOUNTS)]
        await store_trends(connection, trends)
    slot = last_slot(now, policy.digest, "UTC")
    digests = Digests(site.pool)
    await digests.plan(slot.week, slot.at, "UTC", CSMS)
    for _ in CSMS[1:]:
        await digests.make_next(lambda _, csm, accounts: compose(csm, slot, accounts, policy, now), now)
    async with site.pool.acquire() as connection:
        assert len(await standings(connection, CSMS[0], slot.at, now)) == ACCOUNTS // len(CSMS)
    async with site.deliver(), site.deliver():
        await site.all_sent()
        assert sum(site.in_slack().values()) == len(CSMS)
        assert len(site.in_slack()) == len(CSMS)


@pytest.mark.slow  # a third of a minute
async def test_it_waits_for_the_trends_that_were_published_before(site: Site) -> None:
    async with site.deliver() as worker:
        await settled(worker)
    await site.pool.execute("truncate digests, digest_weeks")
    await site.publish_trends()
    async with site.deliver(), site.deliver():
        await site.all_sent()
        items = [len(json.loads(each.value or b"")["items"]) for each in await site.published()]
        assert items == [ACCOUNTS // len(CSMS)] * len(CSMS)


async def test_postgres_is_away_at_the_hour(site: Site) -> None:
    await site.publish_trends()
    name = site.dsn.rpartition("/")[2]
    admin = await asyncpg.connect(site.dsn.rpartition("/")[0] + "/postgres")
    try:
        worker = site.deliver().start()
        try:
            await asyncio.gather(worker.ready())
            await admin.execute(f"alter database {name} allow_connections false")
            await admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
            await until(lambda: "digests wait" in worker.log, what="it noticed", within=60)
            assert worker.returncode is None
        finally:
            await admin.execute(f"alter database {name} allow_connections true")
        await site.all_sent()
        assert sum(site.in_slack().values()) == len(CSMS)
        assert await worker.terminate() == 0
    finally:
        worker.kill()
        await admin.close()


async def settled(worker: Csatwatch) -> None:
    """Wait until the worker has looked and has nothing left to do."""

    async def looked() -> bool:
        return any(
            line.startswith("csatwatch_digest_last_timestamp_seconds ") and float(line.split()[1]) > 0
            for line in (await worker.metrics()).splitlines()
        )

    await until(looked, what="a look at the digests", within=60)
    assert "csatwatch_digests_waiting 0.0" in await worker.metrics()


def test_the_hour_of_these_tests_is_past() -> None:
    now = datetime.now(UTC)
    assert timedelta() <= now - last_slot(now, WeeklyDigest(), "UTC").at <= timedelta(days=7)
