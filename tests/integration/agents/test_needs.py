"""`deliver` keeps the order of the accounts as time passes and as the policy changes."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from agents.needs import NeedsDesk
from agents.settings import Settings, load_settings
from schemas.event import Ticket
from schemas.policy import Policy, load_policy
from tests.integration.web.rows import Rows, connect, customer, poor_rating

NOW = datetime.now(UTC)
NOTHING, FALLING, CRITICAL, HIGH = 7, 5, 0, 1


class NoApp:
    """Takes the timer, and never rings it."""

    def timer(self, _: float) -> Any:
        return lambda look: look


@pytest.fixture
async def rows(postgres: str) -> AsyncIterator[Rows]:
    connection = await connect(postgres)
    yield Rows(connection)
    await connection.close()


@pytest.fixture
def settings(postgres: str) -> Settings:
    return load_settings().model_copy(update={"postgres_dsn": SecretStr(postgres)})


def desk(settings: Settings, policy: Policy) -> NeedsDesk:
    app: Any = NoApp()
    return NeedsDesk(settings, policy, app)


async def ranks(rows: Rows) -> dict[str, int]:
    found = await rows.connection.fetch("select name, rank from account_needs")
    return {row["name"]: row["rank"] for row in found}


async def pass_time(rows: Rows, days: float) -> None:
    """As if so much time had passed, which no trigger hears of."""
    for table, columns in (
        ("alerts", ("occurred_at", "snoozed_until")),
        ("tasks", ("due_at",)),
        ("account_needs", ("next_at",)),
    ):
        moved = ", ".join(f"{column} = {column} - $1::interval" for column in columns)
        await rows.connection.execute("set session_replication_role = replica")
        await rows.connection.execute(f"update {table} set {moved}", timedelta(days=days))  # noqa: S608 (names from here)
        await rows.connection.execute("set session_replication_role = origin")


async def test_what_waits_comes_lower_and_a_snooze_ends_whichever_worker_looks(rows: Rows, settings: Settings) -> None:
    waiting, snoozed = (poor_rating(customer(name), Ticket(ticket_id=name), at=NOW) for name in ("waiting", "snoozed"))
    for each in (waiting, snoozed):
        await rows.alert(each)
    await rows.action(snoozed, "snoozed", "Ana", NOW, snoozed_until=NOW + timedelta(days=7.5))
    heard: list[str] = []
    await rows.connection.add_listener("csatwatch_alerts", lambda *said: heard.append(said[3]))
    workers = [desk(settings, load_policy(None)) for _ in range(3)]
    async with workers[0].running(), workers[1].running(), workers[2].running():
        seen = []
        for _ in range(6):
            await asyncio.gather(*(worker.look() for worker in workers))
            seen.append(await ranks(rows))
            await pass_time(rows, 7.01)
    assert [each["waiting"] for each in seen] == [CRITICAL, HIGH, 2, 3, 6, 6]
    assert [each["snoozed"] for each in seen] == [NOTHING, NOTHING, CRITICAL, HIGH, 2, 3]
    assert {str(waiting.alert_id), str(snoozed.alert_id)} <= set(heard), "open pages hear of it"


async def test_the_policys_measure_of_a_fall_comes_into_force_with_a_start(rows: Rows, settings: Settings) -> None:
    account = customer("falling")
    await rows.account(account)
    await rows.trend(account, NOW, drop=0.3)
    shipped = load_policy(None)
    strict = shipped.model_copy(update={"declining_trend": shipped.declining_trend.model_copy(update={"drop": 0.4})})
    for policy, rank in ((shipped, FALLING), (strict, NOTHING), (strict, NOTHING), (shipped, FALLING)):
        worker = desk(settings, policy)
        async with worker.running():
            await worker.look()
        assert await ranks(rows) == {"falling": rank}


async def test_a_database_that_is_away_is_waited_for(rows: Rows, settings: Settings) -> None:
    worker = desk(settings, load_policy(None))
    await worker.look()  # before it runs
    async with worker.running():
        name = await rows.connection.fetchval("select current_database()")
        for _ in range(2):
            await rows.connection.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'csatwatch deliver needs' and datname = $1",
                name,
            )
            await worker.look()
        await worker.look()


async def test_a_week_is_a_week_where_the_clocks_change(rows: Rows) -> None:
    """Whatever the zone of the database: when a row changes by time alone is when what it says changes."""
    await rows.connection.execute("set time zone 'Europe/Berlin'")
    for hours in range(0, 24 * 400, 37):
        at = NOW - timedelta(hours=hours)
        row = await rows.connection.fetchrow(
            "select $1::timestamptz + (waited($1) + 1) * interval '168 hours' - now(), waited($1)", at
        )
        assert row is not None
        left, weeks = row
        assert timedelta() < left <= timedelta(days=7)
        assert weeks == (datetime.now(UTC) - at) // timedelta(days=7)
