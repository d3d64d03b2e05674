"""Looks on from outside, as any subscriber may: alerts and dead letters on their topics, steps in Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer

from agents import kafka
from agents.behind import READERS, behind
from agents.commands.digest import known, preview
from agents.embedded.expected import Found
from agents.session import connected
from agents.settings import Settings
from schemas.alert import Alert
from schemas.delivery import LedgerRow, State
from schemas.digest import Digest, read
from schemas.policy import Policy
from sinks.postgres import connect, queries
from streams.topology import ALERTS, DEAD_LETTERS

_CONNECTIONS = 2

Arrived = Callable[[Alert], None]


@dataclass(frozen=True, slots=True)
class Watch:
    """What there is to see; `watching` makes it."""

    _settings: Settings
    _pool: Any
    _alerts: dict[str, Alert]
    _refused: list[bytes]

    async def found(self) -> Found:
        """Everything so far."""
        rows = await self._pool.fetch(queries("delivered")["steps"])
        steps = {
            (row["alert_id"], row["step"]): LedgerRow(
                row["step"], State(row["state"]), row["shown_revision"], row["uncertain"]
            )
            for row in rows
        }
        return Found(dict(self._alerts), steps, list(self._refused))

    async def delivered(self) -> Sequence[Mapping[str, Any]]:
        """The delivered steps, see `sinks/sql/delivered.sql`."""
        rows: Sequence[Mapping[str, Any]] = await self._pool.fetch(queries("delivered")["delivered"])
        return rows

    async def weeks(self, policy: Policy) -> Sequence[Digest]:
        """Each CSM's weekly digest as it would be now."""
        now = datetime.now(UTC)
        async with self._pool.acquire() as connection:
            return [preview(person, accounts, policy, now) for person, accounts in await known(connection, (), now)]

    async def lag(self) -> int:
        """Records that a process has not committed yet, over all topics that they read."""
        partitions = {topic: self._settings.partitions for topics in READERS.values() for topic in topics}
        found = await asyncio.gather(*(behind(self._settings, role, partitions) for role in READERS))
        return sum(sum(each.values()) for each in found)


@asynccontextmanager
async def watching(settings: Settings, arrived: Arrived) -> AsyncIterator[Watch]:
    """Look on for the time of the block, from the beginning of the topics; `arrived` is told of each revision."""
    alerts: dict[str, Alert] = {}
    refused: list[bytes] = []
    topics = (settings.topic(ALERTS), settings.topic(DEAD_LETTERS))
    subscriber = kafka.consumer(settings, *topics, auto_offset_reset="earliest", enable_auto_commit=False)
    pool = await connect(settings.postgres_dsn.get_secret_value(), size=_CONNECTIONS, application="csatwatch up")
    try:
        async with connected(subscriber):
            following = asyncio.create_task(_follow(subscriber, topics[1], alerts, refused, arrived))
            try:
                yield Watch(settings, pool, alerts, refused)
            finally:
                following.cancel()
                await asyncio.wait({following})
    finally:
        await pool.close()


async def _follow(
    subscriber: AIOKafkaConsumer,
    dead_letters: str,
    alerts: dict[str, Alert],
    refused: list[bytes],
    arrived: Arrived,
) -> None:
    async for record in subscriber:
        if record.topic == dead_letters:
            refused.append(record.value or b"")
            continue
        alert = read(record.value)
        if isinstance(alert, Digest):
            continue  # comes when it comes, on the week's day and hour: the feed says nothing of it
        known = alerts.get(str(alert.alert_id))
        if known is None or alert.revision > known.revision:
            alerts[str(alert.alert_id)] = alert
            arrived(alert)
