"""What becomes of each record of a batch."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from agents.metrics import REGISTRY
from agents.store import Refused, Store
from tests.integration.store.conftest import TODAY, batch, expected, feed, stored

ACME = "6f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"{name}_total", labels) or 0.0


async def test_a_batch_greater_than_a_transaction_is_stored_whole(postgres: str, pool: asyncpg.Pool) -> None:
    events = feed(1, 2500)
    store = Store(postgres)
    async with store.running():
        await store.events(batch(events))
        assert await stored(pool) == expected(events)
        await store.events(batch(events))
        assert await stored(pool) == expected(events)


async def test_what_is_no_event_is_skipped_and_counted(postgres: str, pool: asyncpg.Pool) -> None:
    good = feed(2, 20)
    next_year = good[0] | {"event_id": "ahead", "responded_at": (TODAY + timedelta(days=366)).isoformat()}
    poison: list[Any] = [b"{", b"", None, {"event_type": "other"}, next_year, good[0] | {"rating": 9}]
    skipped = {"role": "store", "event_type": "unknown", "result": "skipped"}
    kept = {"role": "store", "event_type": "support_csat_received", "result": "stored"}
    before, kept_before = counted("csatwatch_events", **skipped), counted("csatwatch_events", **kept)
    store = Store(postgres)
    async with store.running():
        await store.events(batch([*poison[:3], *good, *poison[3:]]))
        await store.events(batch([b"no event at all"]))
    assert await stored(pool) == expected(good)
    assert counted("csatwatch_events", **skipped) - before == len(poison) + 1
    assert counted("csatwatch_events", **kept) - kept_before == len(good)


@pytest.mark.parametrize("timestamp", [-1, 2**62])
async def test_a_producers_own_timestamp_may_be_any_number(postgres: str, pool: asyncpg.Pool, timestamp: int) -> None:
    events = feed(3, 20)
    store = Store(postgres)
    async with store.running():
        await store.events(batch(events, timestamp=timestamp, timestamp_type=0))
    assert await stored(pool) == expected(events)


async def test_accounts_are_stored_and_deleted(postgres: str, pool: asyncpg.Pool) -> None:
    store = Store(postgres)
    async with store.running():
        await store.customers(batch([{"customer_id": ACME, "name": "GlobalTech", "arr": 175000}, {"name": "nobody"}]))
        assert [tuple(r) for r in await pool.fetch("select customer_id, name from customers")] == [(ACME, "GlobalTech")]
        await store.customers(batch([None], key=b"no customer"))
        await store.customers(batch([None], key=ACME.upper().encode()))
        assert [tuple(r) for r in await pool.fetch("select customer_id, name from customers")] == [(ACME, None)]


async def test_what_postgres_never_takes_ends_the_worker_without_its_words(postgres: str, pool: asyncpg.Pool) -> None:
    await pool.execute("alter table support_satisfaction add check (feedback <> 'words of 0')")
    store = Store(postgres)
    async with store.running():
        with pytest.raises(Refused) as caught:
            await store.events(batch(feed(4, 10)))
    assert str(caught.value) == "CheckViolationError"
    assert caught.value.__suppress_context__
