"""A detector of each test's own, on its own topics."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest

from schemas.alert import Alert
from schemas.policy import load_policy
from streams.partition import partition_of
from streams.topology import ALERTS, DEAD_LETTERS, EVENTS
from tests.conftest import Broker
from tests.memory import answer
from tests.oracle import Oracle
from tests.servers.processes import Csatwatch
from tests.servers.topics import Record, Stored, committed, create_all, end_offsets, produce, read_all
from tests.servers.wait import until

PARTITIONS = 4
TODAY = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Installation:
    """Topics and settings of one installation, and what is on it."""

    broker: Broker
    settings: dict[str, str]
    directory: Path

    @property
    def prefix(self) -> str:
        return self.settings["CSATWATCH_TOPIC_PREFIX"]

    @property
    def group(self) -> str:
        return self.settings["CSATWATCH_APP_ID"] + "-detect"

    def detector(self) -> Csatwatch:
        return Csatwatch("detect", self.settings, self.directory)

    async def publish(self, events: Iterable[Mapping[str, Any] | bytes], *, partitions: int = PARTITIONS) -> None:
        """As a producer with murmur2 would; bytes go as they are."""
        records = [
            Record(value=e, key=b"poison", partition=0)
            if isinstance(e, bytes)
            else Record(
                value=json.dumps(e).encode(),
                key=e["customer_id"].encode(),
                partition=partition_of(e["customer_id"], partitions),
            )
            for e in events
        ]
        await produce(self.broker.bootstrap, self.prefix + EVENTS, records)

    async def processed(self) -> None:
        """All that is on the event topic is committed."""

        async def caught_up() -> bool:
            ends = await end_offsets(self.broker.bootstrap, self.prefix + EVENTS)
            done = await committed(self.broker.bootstrap, self.group, self.prefix + EVENTS)
            return all(done.get(p, 0) >= end for p, end in ends.items())

        await until(caught_up, what="all events committed", within=60)

    async def read(self, topic: str) -> list[Stored]:
        return await read_all(self.broker.bootstrap, self.prefix + topic)

    async def alerts(self) -> list[Alert]:
        return [Alert.from_json(r.value or b"") for r in await self.read(ALERTS)]

    async def statuses(self) -> dict[str, str]:
        """Alert id → status of its highest revision."""
        latest: dict[str, tuple[int, str]] = defaultdict(lambda: (0, ""))
        for alert in await self.alerts():
            latest[str(alert.alert_id)] = max(latest[str(alert.alert_id)], (alert.revision, alert.status.value))
        return {name: status for name, (_, status) in latest.items()}

    async def dead_letters(self) -> list[Stored]:
        return await self.read(DEAD_LETTERS)


@pytest.fixture
async def installation(broker: Broker, topic_prefix: str, tmp_path: Path) -> Installation:
    settings = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_KAFKA_TRANSACTIONS": str(broker.transactions).lower(),
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": str(PARTITIONS),
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
    }
    await create_all(settings)
    return Installation(broker, settings, tmp_path)


def feed(seed: int, size: int, *, customers: int = 20) -> list[dict[str, Any]]:
    """Answers of 100 days up to today in order, with 5 % repeated, 5 % revised and 5 % late ones among them."""
    random = Random(seed)  # noqa: S311 (reproducible, not secret)
    names = [f"00000000-0000-4000-8000-{i:012}" for i in range(customers)]
    ages = sorted((random.uniform(0.01, 100) for _ in range(size)), reverse=True)
    events = []
    for i, age in enumerate(ages):
        worse = i % 7 == 0 and age < 25
        rating = random.choice((1, 2, 2, 3) if worse else (1, 3, 4, 4, 5, 5, 5))
        at = TODAY - timedelta(days=age)
        events.append(answer(rating, at, customer_id=random.choice(names), event_id=f"{seed}-{i}"))
    for i in range(size // 20):
        events.insert(random.randrange(size), random.choice(events))
        original = random.choice(events)
        later = datetime.fromisoformat(original["responded_at"]) + timedelta(minutes=5)
        revised = original | {
            "event_id": f"{seed}-revised-{i}",
            "rating": random.randint(1, 5),
            "responded_at": later.isoformat(),
        }
        events.append(revised)
        events.append(events.pop(random.randrange(size)))
    return events


def expected(events: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What the oracle says: alert id → last status."""
    return dict(Oracle(load_policy(None)).take_all(json.dumps(e).encode() for e in events))
