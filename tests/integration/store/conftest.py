import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
from aiokafka import ConsumerRecord
from faust.types import TP

from agents.transport.batch import Batch
from sinks.postgres import connect

TODAY = datetime.now(UTC).replace(microsecond=0)
COLUMNS = "customer_id, response_id, event_id, rating, feedback"


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=4) as connected:
        yield connected


def feed(seed: int, size: int) -> list[dict[str, Any]]:
    """Answers of 20 customers, a tenth of them to a survey that was answered before, in no order, some repeated."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    events = [
        {
            "event_type": "support_csat_received",
            "event_id": f"{seed}-{n}",
            "customer_id": f"00000000-0000-4000-8000-{random.randrange(20):012}",
            "ticket_id": f"T-{random.randrange(size * 5)}",
            "rating": random.randint(1, 5),
            "feedback": f"words of {n}",
            "responded_at": (TODAY - timedelta(minutes=random.randint(1, 100_000))).isoformat(),
        }
        for n in range(size)
    ]
    events += [
        earlier | {"event_id": f"{earlier['event_id']}-again", "rating": random.randint(1, 5), "feedback": None}
        for earlier in random.sample(events, size // 10)
    ]
    events += random.sample(events, size // 20)
    random.shuffle(events)
    return events


def expected(events: Iterable[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    """The rows of the answers that count: `COLUMNS`."""
    rows = {}
    for e in sorted(events, key=lambda e: (datetime.fromisoformat(e["responded_at"]), e["event_id"].encode())):
        rows[e["customer_id"], e["ticket_id"]] = (
            e["customer_id"],
            e["ticket_id"],
            e["event_id"],
            e["rating"],
            e["feedback"],
        )
    return set(rows.values())


async def stored(pool: asyncpg.Pool) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in await pool.fetch(f"select {COLUMNS} from support_satisfaction")}  # noqa: S608 (ours)


def batch(values: Sequence[Mapping[str, Any] | bytes | None], **more: Any) -> Batch:
    """A batch as one fetch brings it; bytes go as they are."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    records = [
        ConsumerRecord(
            topic="t",
            partition=0,
            offset=offset,
            **{"timestamp": now, "timestamp_type": 1, "key": None, **more},
            value=value if isinstance(value, bytes | None) else json.dumps(value).encode(),
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            headers=(),
        )
        for offset, value in enumerate(values)
    ]
    return Batch(TP("t", 0), records, 1)
