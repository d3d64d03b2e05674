import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from schemas.customer import Customer, Person
from schemas.event import Contact, CsatReceived, CustomerErased
from sinks.customers import Account, store_customers
from sinks.postgres import Connection, attempts, connect
from sinks.ratings import Arrival, store_events

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CUSTOMER = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    made = await connect(postgres, size=4)
    yield made
    await made.close()


async def one(connection: Connection, query: str) -> asyncpg.Record:
    (row,) = await connection.fetch(query)
    return row


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def answer(n: int, minutes: float = 0, *, customer_id: str = CUSTOMER, **more: Any) -> Arrival:
    fields: dict[str, Any] = {"rating": 1, "ticket_id": f"T-{n}", **more}
    event = CsatReceived(event_id=f"e-{n:05}", customer_id=customer_id, responded_at=at(minutes), **fields)
    return Arrival(event, at(minutes))


def erasure(minutes: float) -> Arrival:
    return Arrival(CustomerErased(event_id="x", customer_id=CUSTOMER), at(minutes))


def account(name: str | None, minutes: float, **more: Any) -> Account:
    customer = None if name is None else Customer(customer_id=CUSTOMER, name=name, **more)
    return Account(CUSTOMER, customer, at(minutes))


async def test_a_rating_before_its_account_makes_a_stub_that_the_account_fills(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await store_events(connection, [answer(1)])
        assert await connection.fetchval("select name from customers where customer_id = $1", CUSTOMER) is None
        csm = Person(name="Sam", email="sam@csatwatch.example")
        await store_customers(connection, [account("GlobalTech", 1, arr=175000.5, currency="USD", csm=csm)])
        row = await one(connection, "select name, arr::float8, csm_email, record from customers")
    assert tuple(row)[:3] == ("GlobalTech", 175000.5, "sam@csatwatch.example")
    assert row["record"]["currency"] == "USD"


async def test_an_older_record_of_an_account_changes_nothing(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        for record in (account("new", 5), account("old", 1)):
            await store_customers(connection, [record])
        assert await connection.fetchval("select name from customers") == "new"


async def test_a_deleted_account_leaves_a_stub_with_its_ratings(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await store_customers(connection, [account("GlobalTech", 0, arr=5)])
        await store_events(connection, [answer(1)])
        await store_customers(connection, [account(None, 1)])
        assert tuple(await one(connection, "select name, arr, record from customers")) == (None, None, {})
        assert await connection.fetchval("select count(*) from support_satisfaction") == 1


async def test_a_later_answer_keeps_the_marks_of_the_csm_and_the_row(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await store_events(connection, [answer(1)])
        first = await connection.fetchval(
            "update support_satisfaction set csm_notified = true, csm_followed_up = true returning id"
        )
        later = answer(2, 5, ticket_id="T-1", rating=4)
        await store_events(connection, [later])
        row = await one(
            connection, "select id, rating, event_id, csm_notified, csm_followed_up from support_satisfaction"
        )
    assert tuple(row) == (first, 4, "e-00002", True, True)


async def test_a_row_that_deliver_made_is_filled_in(pool: asyncpg.Pool) -> None:
    said = answer(1, contact=Contact(name="Ada"), rating_raw="bad", scale="good/bad")
    async with pool.acquire() as connection:
        await connection.execute("insert into customers (customer_id) values ($1)", CUSTOMER)
        await connection.execute("insert into tickets (customer_id, ticket_id) values ($1, 'T-1')", CUSTOMER)
        await connection.execute(
            "insert into support_satisfaction (customer_id, response_id, event_id, ticket_id, rating, responded_at, "
            "csm_notified) values ($1, 'T-1', 'e-00001', 'T-1', 1, $2, true)",
            CUSTOMER,
            at(0),
        )
        await store_events(connection, [said])
        row = await one(connection, "select contact, rating_raw, scale, csm_notified from support_satisfaction")
    assert tuple(row) == ({"name": "Ada", "id": None, "email": None, "locale": None}, "bad", "good/bad", True)


async def test_an_erasure_takes_the_words_and_leaves_the_figures(pool: asyncpg.Pool) -> None:
    said = answer(1, feedback="mine", ticket_subject="mine", contact=Contact(name="mine"), ticket_category="Bug")
    contact = Contact(name="mine", email="mine@csatwatch.example")
    async with pool.acquire() as connection:
        await store_customers(connection, [account("mine", 0, arr=7, primary_contact=contact)])
        await store_events(connection, [said])
        # Once in its turn, then all of the topic again, as after a reset of the offsets.
        for batch in ([erasure(1)], [said], [said, erasure(1)]):
            await store_events(connection, batch)
            await store_customers(connection, [account("mine", 0, arr=7, primary_contact=contact)])
            for table in ("customers", "tickets", "support_satisfaction"):
                rows = await connection.fetch(f"select t::text as text from {table} t")  # noqa: S608 (our own names)
                assert len(rows) == 1
                assert "mine" not in rows[0]["text"]
        row = await one(connection, "select rating, ticket_category from support_satisfaction")
        assert tuple(row) == (1, "Bug")
        assert await connection.fetchval("select arr from customers") == 7


async def test_a_batch_that_fails_leaves_nothing(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("alter table support_satisfaction add check (rating <> 2)")
        with pytest.raises(asyncpg.CheckViolationError):
            await store_events(connection, [answer(1), answer(2, rating=2)])
        assert await connection.fetchval("select count(*) from customers") == 0


async def test_what_json_can_say_arrives_as_it_was(pool: asyncpg.Pool) -> None:
    texts = ["\ufffd", "\U0001f4a9 \u202e", "'; drop table customers; --", '\\u0000 "', "\n\t\x01"]
    async with pool.acquire() as connection:
        await store_events(connection, [answer(n, feedback=text, rating_raw=text) for n, text in enumerate(texts)])
        rows = await connection.fetch("select feedback, rating_raw from support_satisfaction order by event_id")
    assert [(row["feedback"], row["rating_raw"]) for row in rows] == [(text, text) for text in texts]


async def test_workers_that_write_the_same_rows_all_get_through(pool: asyncpg.Pool) -> None:
    customers = [str(UUID(int=n + 1)) for n in range(20)]
    events = [answer(n, n, customer_id=customers[n % 20], ticket_id=f"T-{n % 50}") for n in range(400)]

    async def worker(batches: list[list[Arrival]]) -> None:
        for batch in batches:
            async for attempt in attempts():
                with attempt:
                    async with pool.acquire() as connection:
                        await store_events(connection, batch)

    forward = [events[n : n + 40] for n in range(0, 400, 40)]
    backward = [batch[::-1] for batch in forward[::-1]]
    await asyncio.gather(worker(forward), worker(backward), worker(forward[::-1]))
    last = {
        (a.event.customer_id, a.event.ticket_id): a.event.event_id for a in events if isinstance(a.event, CsatReceived)
    }
    rows = await pool.fetch("select customer_id, ticket_id, event_id from support_satisfaction")
    assert {(row["customer_id"], row["ticket_id"]): row["event_id"] for row in rows} == last
