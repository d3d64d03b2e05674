"""One installation under test: its broker, its topics, and what was published on them."""

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams.topology import EVENTS, changelog
from streams.track import Track
from tests.chaos.workers import Worker
from tests.servers.kafka import KafkaServer
from tests.servers.processes import csatwatch
from tests.servers.topics import Record, Stored, committed, end_offsets, read_all

_PAUSE = 0.2  # seconds between two looks at the lag
SESSION = 10.0
"""Seconds after which the group gives up a worker that says nothing."""


@dataclass
class Site:
    """Topics with `partitions` partitions, and the workers on them."""

    server: KafkaServer
    directory: Path
    partitions: int
    prefix: str = "chaos."
    more: Mapping[str, str] = field(default_factory=dict)
    """Further settings of every process."""
    workers: list[Worker] = field(default_factory=list)

    @property
    def bootstrap(self) -> str:
        """`host:port` of the broker."""
        return self.server.bootstrap

    @property
    def app_id(self) -> str:
        """The installation's name."""
        return f"{self.prefix}csatwatch"

    @property
    def group(self) -> str:
        """The detector's consumer group."""
        return f"{self.app_id}-detect"

    @property
    def events(self) -> str:
        """The event topic's full name."""
        return self.prefix + EVENTS

    @property
    def changelog(self) -> str:
        """The changelog's full name."""
        return self.prefix + changelog(self.app_id)

    def settings(self) -> dict[str, str]:
        """What every process of it is told."""
        return {
            "CSATWATCH_KAFKA_URL": self.server.url,
            "CSATWATCH_TOPIC_PREFIX": self.prefix,
            "CSATWATCH_APP_ID": self.app_id,
            "CSATWATCH_PARTITIONS": str(self.partitions),
            **self.more,
        }

    async def create(self) -> None:
        """Make the topics."""
        made = await csatwatch("topics", "create", settings=self.settings(), directory=self.directory)
        assert made.code == 0, made.stderr

    def worker(self, name: str, *, state: Path | None = None, program: Sequence[str] | None = None) -> Worker:
        """A worker that is supervised from its start on; `state` lets it share another's directory."""
        directory = self.directory / name
        settings = {**self.settings(), "CSATWATCH_STATE_DIR": str(state or directory / "state")}
        worker = Worker(name, settings, directory, program=program)
        self.workers.append(worker)
        return worker

    async def publish(self, producer: AIOKafkaProducer, records: Iterable[Record]) -> None:
        """Send `records` and wait for their acknowledgements, through outages of the broker as well."""
        sent = [
            await producer.send(self.events, key=r.key, value=r.value, headers=list(r.headers), partition=r.partition)
            for r in records
        ]
        await asyncio.gather(*sent)

    def producer(self) -> AIOKafkaProducer:
        """As an application's own: a record is not doubled by a retry."""
        return AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, enable_idempotence=True, linger_ms=5, max_request_size=2 << 20
        )

    async def read(self, topic: str) -> list[Stored]:
        """All of a topic, by partition and offset; `topic` without the prefix."""
        return await read_all(self.bootstrap, self.prefix + topic)

    async def lag(self) -> dict[int, int]:
        """Records that are not committed yet, by partition, where there are any."""
        ends = await end_offsets(self.bootstrap, self.events, isolation="read_committed")
        done = await committed(self.bootstrap, self.group, self.events)
        return {p: end - done.get(p, 0) for p, end in ends.items() if end > done.get(p, 0)}

    async def caught_up(self, within: float) -> None:
        """All that is on the event topic is committed. Raises AssertionError."""

        deadline = time.monotonic() + within
        while not await self._nothing_left():
            # No look is cut off in the middle: it would leave its connections open.
            assert time.monotonic() < deadline, f"not within {within:g} s: all events committed"
            await asyncio.sleep(_PAUSE)

    async def _nothing_left(self) -> bool:
        try:
            return not await self.lag()
        except (KafkaError, AssertionError):
            return False  # the broker is away

    async def reset_offsets(self, offsets: Mapping[int, int]) -> None:
        """Commit `offsets` in the group's name; it must have no members."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.bootstrap, group_id=self.group, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign([TopicPartition(self.events, p) for p in offsets])
            await consumer.commit({TopicPartition(self.events, p): offset for p, offset in offsets.items()})
        finally:
            await consumer.stop()


def track_of(customer: str, values: Mapping[bytes, bytes | None]) -> Track | None:
    """A customer's track, out of the last values by key."""
    head = values.get(customer.encode())
    return None if head is None else Track.decode(head, lambda piece: values.get((customer + piece).encode()))


def customers_of(values: Iterable[bytes]) -> Iterator[str]:
    """The customers among the keys of states: the keys of everything else are no UUIDs."""
    return (key.decode() for key in values if len(key) == 36 and key.count(b"-") == 4)
