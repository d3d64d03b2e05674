"""Trends and digests in a real Postgres."""

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from uuid import uuid4

import asyncpg
import pytest

from schemas.alert import Alert, Kind, Severity, Status
from schemas.customer import Customer, Person
from schemas.delivery import Change, LedgerRow
from schemas.digest import Digest, OpenAlert, Standing, digest_id
from sinks.customers import Account, store_customers
from sinks.digests import Digests, NotMade, Planned, TrendRecord, standings, store_trends
from sinks.ledger import Ledger, Revision
from tests.alerts import AT, CUSTOMER, GLOBALTECH, alert, trend
from tests.digests import DUE, NOW, ago, customer, digest, fallen
from tests.servers.wait import until

WEEK = timedelta(days=7)
SOON = datetime.now(UTC) + timedelta(hours=1)  # due behind the making of the database


async def take(pool: asyncpg.Pool, *records: TrendRecord) -> None:
    async with pool.acquire() as connection:
        await store_trends(connection, records)


async def kept(pool: asyncpg.Pool) -> dict[str, float]:
    rows = await pool.fetch("select customer_id, (record ->> 'drop')::double precision as drop from trends")
    return {row["customer_id"]: row["drop"] for row in rows}


def at(offset: int, drop: float | None, number: int = 1, later: int = 0) -> TrendRecord:
    made = None if drop is None else fallen(number, drop=drop)
    return TrendRecord(customer(number), made, AT + timedelta(seconds=later), offset)


async def add(pool: asyncpg.Pool, *emails: str, first: int = 1) -> None:
    """An account for each CSM."""
    accounts = [
        Customer(customer_id=customer(n), name=f"Customer {n}", csm=Person(name=f"Csm {n}", email=email))
        for n, email in enumerate(emails, start=first)
    ]
    async with pool.acquire() as connection:
        await store_customers(connection, [Account(each.customer_id, each, AT) for each in accounts])


class Topic:
    """Takes what is published, or fails at a chosen moment."""

    def __init__(self) -> None:
        self.records: list[tuple[str, bytes]] = []
        self.fail_before = self.fail_after = False

    async def __call__(self, records: Sequence[tuple[str, bytes]]) -> None:
        if self.fail_before:
            raise ConnectionResetError
        self.records += records
        if self.fail_after:
            raise ConnectionResetError

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.records]


def says(planned: Planned, csm: Person, accounts: Sequence[Standing]) -> Digest:
    made = digest(csm=csm)
    alert_id = digest_id(csm.email, planned.week)
    return made.model_copy(update={"week": planned.week, "alert_id": alert_id, "occurred_at": planned.due_at})


async def make_all(digests: Digests) -> list[str]:
    made = []
    while (found := await digests.make_next(says, NOW)) is not None:
        made.append(found[0].csm_email)
    return made


class TestTrends:
    async def test_the_last_record_counts_in_whatever_order_they_come(self, pool: asyncpg.Pool) -> None:
        records = [at(1, 0.1), at(2, 0.2), at(3, 0.3, later=1)]
        for order in permutations(records):
            for record in (*order, order[0]):
                await take(pool, record)
            assert await kept(pool) == {customer(1): 0.3}
            await take(pool, *order)
            assert await kept(pool) == {customer(1): 0.3}
            await pool.execute("delete from trends")

    async def test_null_deletes_and_an_older_null_does_not(self, pool: asyncpg.Pool) -> None:
        await take(pool, at(1, 0.1), at(1, 0.5, number=2), at(2, None))
        assert await kept(pool) == {customer(2): 0.5}
        await take(pool, at(4, 0.4), at(3, None))
        await take(pool, at(3, None))
        assert await kept(pool) == {customer(1): 0.4, customer(2): 0.5}
        await take(pool, at(5, None))
        assert await kept(pool) == {customer(2): 0.5}


class TestPlanning:
    async def test_once_a_week_over_all_workers(self, pool: asyncpg.Pool) -> None:
        csms = [f"csm{n}@example.com" for n in range(20)]
        workers = [Digests(pool) for _ in range(4)]
        planned = await asyncio.gather(*(each.plan("2026-W20", SOON, "UTC", csms) for each in workers))
        assert sorted(planned) == [0, 0, 0, 20]
        assert await pool.fetchval("select count(*) from digests") == 20

    async def test_who_becomes_a_csm_later_waits_for_the_next_week(self, pool: asyncpg.Pool) -> None:
        digests = Digests(pool)
        assert await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com"]) == 1
        assert await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com", "bo@example.com"]) == 0
        assert await digests.plan("2026-W21", SOON + WEEK, "UTC", ["ana@example.com", "bo@example.com"]) == 2

    async def test_another_time_zone_is_no_second_digest(self, pool: asyncpg.Pool) -> None:
        digests = Digests(pool)
        await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com"])
        assert await digests.plan("2026-W20", SOON + timedelta(hours=5), "America/New_York", ["ana@example.com"]) == 0

    async def test_nothing_was_due_before_the_database_was_made(self, pool: asyncpg.Pool) -> None:
        before = datetime.now(UTC) - timedelta(days=1)
        assert await Digests(pool).plan("2026-W20", before, "UTC", ["ana@example.com"]) == 0
        assert await pool.fetchval("select count(*) from digest_weeks") == 0

    async def test_of_missed_weeks_only_the_last_is_made(self, pool: asyncpg.Pool) -> None:
        await add(pool, "ana@example.com", "bo@example.com")
        digests, topic = Digests(pool), Topic()
        both = ["ana@example.com", "bo@example.com"]
        await digests.plan("2026-W20", SOON, "UTC", both)
        found = await digests.make_next(says, NOW)  # and the worker died before it could publish it
        assert found is not None
        await digests.plan("2026-W23", SOON + 3 * WEEK, "UTC", both)
        assert await make_all(digests) == both
        assert await digests.publish(topic, NOW) == 2
        assert {json.loads(value)["week"] for _, value in topic.records} == {"2026-W23"}


class TestMaking:
    async def test_each_is_made_by_one_worker(self, pool: asyncpg.Pool) -> None:
        csms = [f"csm{n:02}@example.com" for n in range(12)]
        await add(pool, *csms)
        await Digests(pool).plan("2026-W20", SOON, "UTC", csms)
        made = await asyncio.gather(*(make_all(Digests(pool)) for _ in range(3)))
        assert sorted(email for each in made for email in each) == csms
        assert not await Digests(pool).has_planned()

    async def test_a_worker_that_dies_while_making_leaves_it_to_another(self, pool: asyncpg.Pool) -> None:
        await add(pool, "ana@example.com")
        digests = Digests(pool)
        await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com"])

        def die(planned: Planned, csm: Person, accounts: Sequence[Standing]) -> Digest:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await digests.make_next(die, NOW)
        assert await make_all(digests) == ["ana@example.com"]

    async def test_one_that_trips_a_bug_holds_up_no_other(self, pool: asyncpg.Pool) -> None:
        await add(pool, "ana@example.com", "bo@example.com")
        digests = Digests(pool)
        await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com", "bo@example.com"])

        def stumble(planned: Planned, csm: Person, accounts: Sequence[Standing]) -> Digest:
            raise ValueError(csm.name)

        with pytest.raises(NotMade, match=r"^ValueError$") as failed:
            await digests.make_next(stumble, NOW)
        found = await digests.make_next(says, NOW, [failed.value.alert_id])
        assert found is not None
        assert found[0].csm_email == "bo@example.com"
        assert (await digests.progress()).waiting == 2

    async def test_nothing_to_say_is_settled_without_a_message(self, pool: asyncpg.Pool) -> None:
        await add(pool, "ana@example.com")
        digests, topic = Digests(pool), Topic()
        await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com", "left@example.com"])
        for _ in range(2):
            found = await digests.make_next(lambda *_: None, NOW)
            assert found is not None
            assert found[1] is None
        assert await digests.publish(topic, NOW) == 0
        progress = await digests.progress()
        assert (progress.waiting, progress.last_due_at) == (0, SOON)


class TestPublishing:
    async def test_a_crash_on_either_side_of_the_acknowledgement(self, pool: asyncpg.Pool) -> None:
        await add(pool, "ana@example.com")
        digests, topic = Digests(pool), Topic()
        await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com"])
        await make_all(digests)
        topic.fail_before = True
        with pytest.raises(ConnectionResetError):
            await digests.publish(topic, NOW)
        topic.fail_before, topic.fail_after = False, True
        with pytest.raises(ConnectionResetError):
            await digests.publish(topic, NOW)
        assert (await digests.progress()).waiting == 1
        topic.fail_after = False
        assert await digests.publish(topic, NOW) == 1
        assert await digests.publish(topic, NOW) == 0
        assert topic.keys == ["ana@example.com"] * 2
        (_, first), (_, second) = topic.records
        assert first == second  # the same id and revision: whoever reads both has read one
        assert (await digests.progress()).waiting == 0

    async def test_two_workers_at_once_publish_each_once(self, pool: asyncpg.Pool) -> None:
        csms = [f"csm{n:02}@example.com" for n in range(8)]
        await add(pool, *csms)
        await Digests(pool).plan("2026-W20", SOON, "UTC", csms)
        await make_all(Digests(pool))
        topic, both = Topic(), asyncio.Barrier(2)

        async def slowly(records: Sequence[tuple[str, bytes]]) -> None:
            await topic(records)
            await both.wait()

        first = asyncio.create_task(Digests(pool).publish(slowly, NOW))
        await until(lambda: len(topic.records) == 8, what="the first is publishing")
        assert await Digests(pool).publish(topic, NOW) == 0
        await both.wait()
        assert await first == 8
        assert sorted(topic.keys) == csms


class TestAccounts:
    async def test_all_that_is_known(self, pool: asyncpg.Pool) -> None:
        renews = NOW + timedelta(days=40)
        account = CUSTOMER.model_copy(update={"renewal_at": renews, "tier": "gold"})
        await self.record(pool, alert(), trend(response="old", occurred_at=ago(200)), trend(response="back"))
        await self.record(pool, trend(response="back", revision=2, status=Status.RESOLVED, detected_at=ago(1)))
        await self.record(pool, alert(response="silent", silent=True), alert(response="over", status=Status.RETRACTED))
        async with pool.acquire() as connection:
            await store_customers(connection, [Account(GLOBALTECH, account, AT)])
            await store_trends(connection, [TrendRecord(GLOBALTECH, fallen(customer_id=GLOBALTECH), AT, 7)])
        alert_id = str(alert().alert_id)
        for kind, days in (("acknowledged", 3), ("email_sent", 2), ("followed_up", 1)):
            await self.act(pool, alert_id, kind, days)
        await pool.execute("update support_satisfaction set responded_at = $1", ago(5))
        (found,) = await self.of(pool, "ana@example.com")
        assert found == Standing(
            customer_id=GLOBALTECH,
            known_since=found.known_since,
            name="GlobalTech",
            arr=175_000.0,
            currency="USD",
            tier="gold",
            renewal_at=renews,
            trend=fallen(customer_id=GLOBALTECH),
            last_rating_at=ago(5),
            last_ticket_at=ago(5),
            open=(OpenAlert(Kind.POOR_RATING, Severity.CRITICAL, AT, 1, seen=True, followed_up_at=ago(1)),),
            recovered_at=ago(1),
            recovered=trend().trend,
        )

    async def test_an_old_alert_counts_while_its_task_is_open(self, pool: asyncpg.Pool) -> None:
        old = alert(occurred_at=ago(200))
        await self.record(pool, old)
        async with pool.acquire() as connection:
            await store_customers(connection, [Account(GLOBALTECH, CUSTOMER, AT)])
        assert [each.open for each in await self.of(pool, "ana@example.com")] == [()]
        due = ago(199)
        await pool.execute(
            "insert into deliveries (alert_id, step, workflow, sink, config, state, wanted_revision, severity_rank,"
            " due_at) values ($1, 's', 'w', 'tasks', '{}', 'done', 1, 0, now())",
            str(old.alert_id),
        )
        await pool.execute(
            "insert into tasks (task_id, alert_id, step, customer_id, title, priority, due_at, status)"
            " values ($1, $2, 's', $3, 't', 'high', $4, 'open')",
            str(uuid4()),
            str(old.alert_id),
            GLOBALTECH,
            due,
        )
        (found,) = await self.of(pool, "ana@example.com")
        assert [each.task_due_at for each in found.open] == [due]
        await pool.execute("update tasks set status = 'done'")
        assert [each.open for each in await self.of(pool, "ana@example.com")] == [()]

    async def test_an_address_is_one_however_it_is_written(self, pool: asyncpg.Pool) -> None:
        await add(pool, "Ana@Example.com", "ana@example.com", "bo@example.com")
        digests = Digests(pool)
        assert await digests.csms() == ["ana@example.com", "bo@example.com"]
        assert [each.name for each in await self.of(pool, "ana@example.com")] == ["Customer 1", "Customer 2"]
        await digests.plan("2026-W20", SOON, "UTC", ["ana@example.com"])
        found = await digests.make_next(says, NOW)
        assert found is not None
        assert found[1] is not None
        assert found[1].csm.email == "ana@example.com"

    @staticmethod
    async def of(pool: asyncpg.Pool, email: str) -> list[Standing]:
        async with pool.acquire() as connection:
            return await standings(connection, email, DUE, NOW)

    @staticmethod
    async def record(pool: asyncpg.Pool, *alerts: Alert | Digest) -> None:
        def nothing(_: Alert | Digest, __: Sequence[LedgerRow]) -> Sequence[Change]:
            return ()

        await Ledger(pool, lease=timedelta(minutes=1)).record([Revision(each, AT) for each in alerts], nothing)

    @staticmethod
    async def act(pool: asyncpg.Pool, alert_id: str, kind: str, days: float) -> None:
        await pool.execute(
            "insert into actions (action_id, alert_id, customer_id, kind, by, at) values ($1, $2, $3, $4, 'ana', $5)",
            str(uuid4()),
            alert_id,
            GLOBALTECH,
            kind,
            ago(days),
        )

    async def test_a_digest_is_recorded_beside_the_alerts_and_again_changes_nothing(self, pool: asyncpg.Pool) -> None:
        made = digest()
        await self.record(pool, made, alert())
        await self.record(pool, made)
        rows = await pool.fetch("select kind, customer_id, response_id from alerts order by kind")
        assert [tuple(row) for row in rows] == [
            ("poor_rating", GLOBALTECH, "TKT-2026-4521"),
            ("weekly_digest", None, None),
        ]
