"""Looks at the group's commits while faults happen: they never go back, and are never ahead of the state."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from streams.partition import partition_of
from streams.topology import HEADER_REROUTED
from tests.chaos.feed import POISON_KEY
from tests.chaos.site import Site, track_of

_EVERY = 0.5  # seconds


class Watch:
    """Attributes:
    found: what went wrong, a sentence each.
    looks: how often commits were compared with the state.
    """

    def __init__(self, site: Site) -> None:
        self.found: list[str] = []
        self.looks = 0
        self._looking = asyncio.Lock()
        self._site = site
        self._committed: dict[int, int] = defaultdict(int)
        self._checked: dict[int, int] = defaultdict(int)
        self._events: dict[int, list[tuple[int, str]]] = defaultdict(list)  # (offset, customer), not checked yet
        self._states: dict[bytes, bytes | None] = {}

    @asynccontextmanager
    async def offsets_reset(self) -> AsyncIterator[None]:
        """Inside, the group's offsets are set back on purpose."""
        async with self._looking:
            yield
            self._committed.clear()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look until the block is left."""
        task = asyncio.create_task(self._run(), name="watch")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        bootstrap = self._site.bootstrap
        consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed"
        )
        ahead = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_uncommitted")
        await consumer.start()
        await ahead.start()
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await admin.start()
        try:
            topics = (self._site.events, self._site.changelog)
            consumer.assign([TopicPartition(t, p) for t in topics for p in range(self._site.partitions)])
            written = [TopicPartition(self._site.changelog, p) for p in range(self._site.partitions)]
            ahead.assign(written)
            ahead.pause(*written)  # it is asked for ends only
            await consumer.seek_to_beginning()
            while True:
                await asyncio.sleep(_EVERY)
                with suppress(KafkaError, OSError, TimeoutError):  # the broker may be away: that is one of the faults
                    async with self._looking:
                        await self._look(consumer, ahead, admin)
        finally:
            await consumer.stop()
            await ahead.stop()
            await admin.close()

    async def _look(self, consumer: AIOKafkaConsumer, ahead: AIOKafkaConsumer, admin: AIOKafkaAdminClient) -> None:
        partitions = [TopicPartition(self._site.events, p) for p in range(self._site.partitions)]
        answer = await admin.list_consumer_group_offsets(self._site.group, partitions=partitions)
        committed = {tp.partition: known.offset for tp, known in answer.items() if known.offset >= 0}
        # The state is read after the commits: it may be further, it must not be behind. Up to where anybody has
        # written: a committed transaction is seen in one partition earlier than in another, and a takeover waits.
        ends = await ahead.end_offsets([TopicPartition(self._site.changelog, p) for p in committed])
        ends |= {TopicPartition(self._site.events, p): offset for p, offset in committed.items()}
        while behind := [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
            for tp, records in (await consumer.getmany(*behind, timeout_ms=200, max_records=20_000)).items():
                for record in records:
                    if tp.topic == self._site.changelog:
                        self._states[record.key] = record.value
                    else:
                        self._note_event(record)
        self._compare(committed)

    def _note_event(self, record: object) -> None:
        key, partition = record.key, record.partition  # type: ignore[attr-defined]
        if key == POISON_KEY:
            return
        customer = json.loads(record.value)["customer_id"]  # type: ignore[attr-defined]
        again = any(name == HEADER_REROUTED for name, _ in record.headers)  # type: ignore[attr-defined]
        if again or partition_of(customer, self._site.partitions) == partition:
            self._events[partition].append((record.offset, customer))  # type: ignore[attr-defined]

    def _compare(self, committed: dict[int, int]) -> None:
        self.looks += 1
        for partition, offset in committed.items():
            before = self._committed[partition]
            if offset < before:
                self.found.append(f"the commit of partition {partition} went back from {before} to {offset}")
            self._committed[partition] = offset
            latest = {customer: at for at, customer in self._events[partition] if at < offset}
            for customer, at in latest.items():
                track = track_of(customer, self._states)
                if track is None or track.applied < at:
                    self.found.append(
                        f"partition {partition} is committed up to {offset}, and the record at {at} is not in the state"
                    )
            self._events[partition] = [(at, customer) for at, customer in self._events[partition] if at >= offset]
