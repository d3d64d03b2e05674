"""What the outcomes rest on in Postgres, held against a count in Python; and that they are worked out once a day."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
from pydantic import SecretStr

from agents.outcomes import OutcomesDesk, worked_out
from agents.settings import load_settings
from schemas.alert import Kind
from schemas.event import Ticket
from schemas.outcome import Outcomes, Verdict
from schemas.policy import load_policy
from sinks import outcomes
from sinks.postgres import connect
from streams.outcome import SPAN, Known
from streams.outcome import outcomes as figures
from streams.outcome_cases import cases
from tests.integration.web.rows import Rows, customer, poor_rating
from tests.integration.web.rows import connect as rows_of
from tests.outcomes import DAY, NOW, Year, year

POLICY = load_policy(None)


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=3) as connected:
        yield connected


async def written(pool: asyncpg.Pool, made: Year) -> None:
    """The year as rows: alerts with what was done about them, ratings, tickets."""
    async with pool.acquire() as connection:
        names = list(made.ratings)
        await connection.executemany(
            "insert into customers (customer_id, arr) values ($1, 10000)", [(n,) for n in names]
        )
        rated = [(n, f"{n[-4:]}-{i}", rating, at) for n in names for i, (at, rating) in enumerate(made.ratings[n])]
        await connection.executemany(
            "insert into tickets (customer_id, ticket_id) values ($1, $2)", [each[:2] for each in rated]
        )
        await connection.executemany(
            "insert into support_satisfaction (customer_id, response_id, event_id, ticket_id, rating, responded_at) "
            "values ($1, $2, $2, $2, $3, $4)",
            rated,
        )
        escalated = [(n, f"x{i}", at) for n in names for i, at in enumerate(made.escalations[n])]
        await connection.executemany(
            "insert into tickets (customer_id, ticket_id, escalated_at) values ($1, $2, $3)", escalated
        )
        answers = {(n, at): response for n, response, _, at in rated}
        for number, each in enumerate(made.fired):
            alert_id = f"00000000-0000-4000-9000-{number:012}"
            about = alert_id, each.customer_id, answers[each.customer_id, each.fired_at], each.fired_at, each.found_at
            await connection.execute(
                "insert into alerts (alert_id, customer_id, response_id, kind, severity, severity_rank, status, "
                "revision, silent, occurred_at, detected_at, published_at, record) "
                "values ($1, $2, $3, 'poor_rating', 'low', 3, 'firing', 1, false, $4, $5, $5, '{}')",
                *about,
            )
            if each.followed_up_at is not None:
                await connection.execute(
                    "insert into actions (action_id, alert_id, customer_id, kind, by, at) "
                    "values ($1, $1, $2, 'email_sent', 'ana@example.com', $3)",
                    alert_id,
                    each.customer_id,
                    each.followed_up_at,
                )


async def test_they_rest_on_what_is_in_the_rows(pool: asyncpg.Pool) -> None:
    made = year(5, gain=0.8, ratio=0.4, customers=70)
    await written(pool, made)
    async with pool.acquire() as connection:
        found = await worked_out(connection, POLICY, NOW)
        spells = await outcomes.spells(connection, NOW - 2 * SPAN, NOW - SPAN, NOW)
    known = cases(made.fired, POLICY, NOW)
    poor = {(name, at) for name, rated in made.ratings.items() for at, rating in rated if rating <= 2}
    alerted = {(each.customer_id, each.fired_at) for each in made.fired}
    missed = sum(at <= NOW - timedelta(minutes=10) for _, at in poor - alerted)
    assert missed > 0
    assert found == figures(Known(made.fired, known, made.around(known.windows), missed, spells), POLICY, NOW)
    assert found.comparisons[0].difference is not None
    recent = [r for rated in made.ratings.values() for at, r in rated if NOW - SPAN < at <= NOW]
    assert (found.overall.recent_n, found.overall.recent_avg) == (len(recent), sum(recent) / len(recent))


async def test_an_alert_is_counted_as_it_was_when_it_first_fired(pool: asyncpg.Pool, postgres: str) -> None:
    account, began = customer("GlobalTech", arr=9_000), NOW - 50 * DAY
    connection = await rows_of(postgres)
    try:
        rows = Rows(connection)

        async def alert(name: str, **more: Any) -> None:
            await rows.alert(poor_rating(account, Ticket(ticket_id=name), at=began, **more))

        await alert("T-1", kind=Kind.DECLINING_TREND)
        await connection.execute("update alerts set occurred_at = $1, detected_at = $1, status = 'resolved'", NOW - DAY)
        await alert("T-2", kind=Kind.DECLINING_TREND, silent=True, route={"to": "holdout"})
        await alert("T-3", silent=True)
        await alert("T-4", status="retracted")
    finally:
        await connection.close()
    async with pool.acquire() as found:
        fired = await outcomes.fired(found, NOW - 100 * DAY, NOW)
    assert {each.fired_at for each in fired} == {began}
    assert {each.found_at for each in fired} == {began + timedelta(milliseconds=8)}
    said = {(each.kind, each.held_out, each.silent, each.arr) for each in fired}
    assert said == {
        (Kind.DECLINING_TREND, False, False, 9_000),
        (Kind.DECLINING_TREND, True, False, 9_000),
        (Kind.POOR_RATING, False, True, 9_000),
    }


class NoApp:
    """Takes the timer, and never rings it."""

    def timer(self, _: float) -> Any:
        return lambda look: look


async def test_several_workers_work_them_out_once_a_day(pool: asyncpg.Pool, postgres: str) -> None:
    settings = load_settings().model_copy(update={"postgres_dsn": SecretStr(postgres)})
    now = [NOW]

    def clock() -> datetime:
        return now[0]

    app: Any = NoApp()
    desks = [OutcomesDesk(settings, POLICY, app, clock) for _ in range(2)]
    async with desks[0].running(), desks[1].running():
        for hours in (0, 1, 23, 24, 25):
            now[0] = NOW + timedelta(hours=hours)
            await asyncio.gather(*(desk.look() for desk in desks))
    records = [row["record"] for row in await pool.fetch("select record from outcomes order by as_of")]
    kept = [Outcomes.model_validate(record) for record in records]
    assert [each.as_of for each in kept] == [NOW, NOW + DAY]
    assert kept[0].detection.verdict is Verdict.TOO_LITTLE
