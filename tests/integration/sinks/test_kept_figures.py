"""The figures that triggers keep, held against those that are counted from the rows anew."""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest

from schemas.action import ActionKind
from schemas.event import Ticket
from schemas.life import HANDLED
from sinks.digests import _WRITTEN
from sinks.postgres import connect
from sinks.ratings import Arrival, store_events
from tests.integration.sinks.test_reports import START, tickets
from tests.integration.web.rows import Rows, customer, poor_rating
from tests.integration.web.rows import connect as connect_for_rows

_SUMS = """
    select month, category, sum(tickets) as tickets, sum(answered) as answered, sum(answers) as answers,
           sum(rating_sum) as rating_sum, sum(low) as low, sum(resolved) as resolved,
           sum(resolution_hours)::double precision as hours, sum(sla_known) as sla_known, sum(sla_broken) as sla_broken,
           sum(first_contact_known) as first_contact_known, sum(first_contact) as first_contact,
           sum(escalated) as escalated
    from {} group by month, category having sum(tickets) <> 0 order by month, category
"""
_BY_MONTH = "(select *, coalesce(ticket_category, '') as category from support_by_month) as counted"
_DONE = ("acknowledged", "followed_up", "email_sent", "useful", "email_failed", *["snoozed"] * 5)
_NEEDS = "select * from account_needs order by customer_id"
_HANDS = "select alert_id, handled_at, followed_up_at, snoozed_until from alerts order by alert_id"


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=3) as connected:
        yield connected


@pytest.fixture
async def rows(postgres: str) -> AsyncIterator[Rows]:
    connection = await connect_for_rows(postgres)
    yield Rows(connection)
    await connection.close()


async def _all(way: Any, query: str) -> list[Mapping[str, Any]]:
    return [dict(row) for row in await way.fetch(query)]


async def test_months_of_all_customers_are_the_sums_of_each_customers(pool: asyncpg.Pool) -> None:
    events = [each for one in tickets(3, 300) for each in one]
    Random(3).shuffle(events)  # noqa: S311 (reproducible, not secret)
    async with pool.acquire() as first, pool.acquire() as second:
        for i in range(0, len(events), 50):
            arrivals = [Arrival(each, START + timedelta(days=200)) for each in events[i : i + 50]]
            await store_events(first if i % 100 else second, arrivals)  # each connection has a shard of its own
    assert await pool.fetchval("select count(distinct shard) from support_months") >= 1
    kept = await _all(pool, _SUMS.format("support_months"))
    assert kept == await _all(pool, _SUMS.format(_BY_MONTH))
    await pool.execute("select rebuild_figures()")
    assert await _all(pool, _SUMS.format("support_months")) == kept
    await pool.execute("delete from support_satisfaction")
    await pool.execute("delete from tickets where ticket_id like '%7'")
    assert await _all(pool, _SUMS.format("support_months")) == await _all(pool, _SUMS.format(_BY_MONTH))


async def test_what_each_account_needs_is_kept_whatever_happens(rows: Rows) -> None:
    draw, start = Random(5), datetime.now(UTC) - timedelta(hours=120)  # noqa: S311 (reproducible, not secret)
    for step in range(120):
        name, number = f"Account {draw.randrange(4)}", draw.randrange(6)
        of = poor_rating(
            customer(name, tier=draw.choice(("gold", "silver"))),
            Ticket(ticket_id=f"T-{number}"),
            at=start + timedelta(hours=step),
            revision=step + 1,
            status=draw.choice(("firing", "updated", "retracted")),
            severity=draw.choice(("critical", "high", "low")),
            silent=draw.random() < 0.1,
        )
        match draw.randrange(5):
            case 0 | 1:
                await rows.alert(of)
            case 2:
                # It may come before its alert.
                kind = draw.choice(_DONE)
                until = start + timedelta(hours=step + draw.choice((1, 500))) if kind == "snoozed" else None
                await rows.action(of, kind, "ana@example.com", start + timedelta(hours=step), snoozed_until=until)
            case 3:
                await rows.account(customer(name))
                await rows.connection.execute("delete from trends where customer_id = $1", of.customer_id)
                await rows.trend(customer(name), start, drop=draw.choice((0.1, 0.3)))
            case _:
                await rows.connection.execute(
                    "update customers set csm_email = $2, name = $3 where customer_id = $1",
                    of.customer_id,
                    draw.choice((None, "Ana@example.com", "bo@example.com")),
                    f"{name} {step % 3}",
                )
    needs, hands = await _all(rows.connection, _NEEDS), await _all(rows.connection, _HANDS)
    assert len({row["rank"] for row in needs}) > 1
    assert any(row["snoozed"] for row in needs)
    await rows.connection.execute("select rebuild_figures()")
    assert await _all(rows.connection, _NEEDS) == needs
    assert await _all(rows.connection, _HANDS) == hands


async def test_the_database_knows_the_same_actions(rows: Rows) -> None:
    for kind in ActionKind:
        assert await rows.connection.fetchval("select has_in_hand($1)", kind.value) == (kind in HANDLED), kind
        assert await rows.connection.fetchval("select is_follow_up($1)", kind.value) == (kind in _WRITTEN), kind
