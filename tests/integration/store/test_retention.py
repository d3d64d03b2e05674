"""What people said long ago is taken out while the store runs, as the policy says."""

from datetime import timedelta

import asyncpg
import pytest

from agents.retention import clear
from agents.store import Store
from tests.integration.store.conftest import TODAY, batch, feed
from tests.servers.wait import until


def _old(days: int, size: int) -> list[dict[str, object]]:
    events = feed(days, size)
    return [
        event | {"event_id": f"{days}-{n}", "responded_at": (TODAY - timedelta(days=days)).isoformat()}
        for n, event in enumerate(events)
    ]


@pytest.mark.parametrize(("keep", "left"), [(100, "new"), (None, "both")])
async def test_the_store_takes_out_what_is_older(
    postgres: str, pool: asyncpg.Pool, keep: int | None, left: str
) -> None:
    writing = Store(postgres)
    async with writing.running():
        await writing.events(batch(_old(200, 40)))
        await writing.events(batch(_old(10, 40)))
    count = "select count(feedback) from support_satisfaction where responded_at < $1"
    before = TODAY - timedelta(days=100)
    total = await pool.fetchval("select count(*) from support_satisfaction")
    assert await pool.fetchval(count, before)
    async with Store(postgres, keep_words_days=keep).running():
        if keep is not None:

            async def cleared() -> bool:
                return not await pool.fetchval(count, before)

            await until(cleared, what="the old words are gone")
    assert bool(await pool.fetchval(count, before)) == (left == "both")
    assert await pool.fetchval(count, TODAY)
    assert await pool.fetchval("select count(*) from support_satisfaction") == total


async def test_more_than_fits_into_one_turn_is_taken_out_too(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sinks.erase._AT_ONCE", 7)
    store = Store("")
    store._pool = pool
    await store.events(batch(_old(200, 40)))
    async with pool.acquire() as connection:
        assert await clear(connection, timedelta(days=100), TODAY) > 7
        assert await clear(connection, timedelta(days=100), TODAY) == 0
        assert await connection.fetchval("select count(feedback) from support_satisfaction") == 0
