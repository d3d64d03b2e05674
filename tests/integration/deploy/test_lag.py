"""The lag that the alerting rules look at is the real one."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from tests.memory import answer
from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.wait import until

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

_EVENTS = 25


async def test_what_postgres_holds_up_is_lag_until_it_is_through(
    kafka: "KafkaServer", topic_prefix: str, postgres: str, tmp_path: Path
) -> None:
    settings = {
        "CSATWATCH_KAFKA_URL": kafka.url,
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
    }
    events = "".join(
        json.dumps(answer(5, datetime.now(UTC), event_id=f"e-{i}", ticket_id=f"T-{i}")) + "\n" for i in range(_EVENTS)
    )
    done = await csatwatch("topics", "create", settings=settings, directory=tmp_path)
    assert done.code == 0, done.stderr
    connection = await asyncpg.connect(postgres)
    try:
        async with Csatwatch("store", settings, tmp_path) as store:
            async with connection.transaction():
                await connection.execute("lock table customers in access exclusive mode")
                done = await csatwatch("publish", "-", settings=settings, directory=tmp_path, stdin=events)
                assert done.code == 0, done.stderr
                await until(partial(_lag, store, _EVENTS), what="all of it behind")
                await until(partial(_seconds, store, lambda found: found > 0), what="an age of what waits")
            await until(partial(_lag, store, 0), what="nothing behind")
            await until(partial(_seconds, store, lambda found: found == 0), what="nothing waits")
            assert await connection.fetchval("select count(*) from support_satisfaction") == _EVENTS
    finally:
        await connection.close()


async def _seconds(store: Csatwatch, fits: Callable[[float], bool]) -> bool:
    start = 'csatwatch_lag_seconds{role="store",topic="csat-events"} '
    found = [float(line.removeprefix(start)) for line in (await store.metrics()).splitlines() if line.startswith(start)]
    return bool(found) and fits(found[0])


async def _lag(store: Csatwatch, expected: int) -> bool:
    line = f'csatwatch_lag_records{{role="store",topic="csat-events"}} {expected:.1f}'
    return line in (await store.metrics()).splitlines()
