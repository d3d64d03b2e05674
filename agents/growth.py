"""More partitions for the topics of a running installation, with the state of its customers moved along.

Kafka has no way to do both at once, so the order is: note in the state that it is being moved; make room; move; note
for how many partitions it is written; and the event topic last, from when on producers send events elsewhere. Whatever
ends it in between, detectors refuse to start until it has been run again, and running it again goes on.
"""

from collections.abc import Callable, Mapping

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from aiokafka.errors import for_code
from msgspec.structs import replace

from agents import kafka
from agents.detectors import positions_of, refuse_running
from agents.position import MOVING, POSITION, Position, encode
from agents.refused import BadInput, Failed
from agents.rekey import Home, move_states, move_trends
from agents.session import connected
from agents.settings import PREFIX, Settings
from agents.topics import usable
from agents.transport.checkpoint import Transactional
from agents.transport.ends import ends
from agents.transport.failpoints import reached
from agents.transport.producer import MAX_BATCH, Outgoing, send
from streams.topology import ALERTS, EVENTS, MEGABYTE, TRENDS, changelog


class Growth:
    """Growing to `partitions`; `say` is told what is done."""

    def __init__(self, settings: Settings, partitions: int, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._partitions = partitions
        self._say = say
        self._log = settings.topic(changelog(settings.app_id))
        self._own_id = f"{settings.group('detect')}-grow"
        self._events, self._alerts, self._trends = (settings.topic(name) for name in (EVENTS, ALERTS, TRENDS))

    async def run(self, *, while_events_come: bool) -> None:
        """Grow, or go on growing. Raises `BadInput`, `Failed` and `aiokafka.errors.KafkaError`."""
        async with connected(kafka.admin(self._settings)) as admin:
            counts = await self._counts(admin)
            positions = await self._positions(counts[self._log])
            if self._is_done(counts, positions):
                self._say(f"{self._events}: {self._partitions} partitions already, and the state with them")
                return
            await refuse_running(admin, self._settings)
            committed, unread = await self._unread(counts[self._events])
            if unread and not while_events_come:
                fix = "start the detectors until they are, and stop what sends events meanwhile; or "
                if any(position.partitions == MOVING for position in positions.values()):
                    fix = ""  # none starts until this is through
                fix += "add --while-events-come, see docs/operations.md"
                raise Failed(f"{self._events}: {unread} events are not read: {fix}")
            begun = {p: replace(positions.get(p, Position()), partitions=MOVING) for p in range(counts[self._log])}
            await self._mark(begun)
            for topic in (self._log, self._trends, self._alerts):
                await self._grow(admin, topic, counts)
            await self._fence(counts[self._events])
            # One that started since would have read its state before it was marked.
            await refuse_running(admin, self._settings)
            homes = self._homes(positions, committed)
            await self._move(homes)
            ended = {
                p: replace(positions.get(p, Position()), epoch=home.epoch, partitions=self._partitions)
                for p, home in enumerate(homes)
            }
            await self._mark(ended)
            reached("states-moved")
            await self._grow(admin, self._events, counts)
        self._say(f"done: set {PREFIX}PARTITIONS={self._partitions} and start the detectors")

    async def _counts(self, admin: AIOKafkaAdminClient) -> dict[str, int]:
        names = [self._events, self._alerts, self._trends, self._log]
        counts = {t["topic"]: len(t["partitions"]) for t in await admin.describe_topics(names)}
        for name in names:
            if not counts.get(name):
                raise Failed(f"the topic {name} is not there: run `csatwatch topics create`")
            if counts[name] > self._partitions:
                raise BadInput(
                    f"--partitions is {self._partitions} and {name} has {counts[name]}: Kafka takes none away; give "
                    f"{max(counts.values())} or more"
                )
        return counts

    def _is_done(self, counts: Mapping[str, int], positions: Mapping[int, Position]) -> bool:
        return set(counts.values()) == {self._partitions} and all(
            position.partitions in {0, self._partitions} for position in positions.values()
        )

    async def _positions(self, partitions: int) -> dict[int, Position]:
        async with connected(self._consumer()) as consumer:
            return await positions_of(consumer, self._log, partitions)

    async def _unread(self, partitions: int) -> tuple[dict[int, int], int]:
        """What the detectors have committed, by partition, and how many records are behind that."""
        places = [TopicPartition(self._events, partition) for partition in range(partitions)]
        group = self._settings.group("detect")
        # Knows what the group has committed without being one of it.
        client = kafka.consumer(self._settings, group_id=group, enable_auto_commit=False)
        async with connected(client):
            client.assign(places)
            beginnings = await client.beginning_offsets(places)
            last = await ends(client, places)
            committed = {place: await client.committed(place) or 0 for place in places}
            unread = 0
            for place in places:
                start = max(committed[place], beginnings[place])
                if start < last[place]:
                    client.seek(place, start)
                    unread += await _counted(client, place, last[place])
        return {place.partition: offset for place, offset in committed.items()}, unread

    def _homes(self, positions: Mapping[int, Position], committed: Mapping[int, int]) -> list[Home]:
        epoch = max((position.epoch for position in positions.values()), default=0)
        homes = []
        for partition in range(self._partitions):
            position = positions.get(partition, Position(epoch))
            homes.append(Home(position.epoch, max(committed.get(partition, 0) - 1, position.offset)))
        return homes

    async def _move(self, homes: list[Home]) -> None:
        customers = 0
        async with connected(self._producer(self._own_id)) as producer:
            for partition in range(self._partitions):
                async with connected(self._consumer()) as consumer:
                    moved = await move_states(consumer, producer, TopicPartition(self._log, partition), homes)
                    trends = TopicPartition(self._trends, partition)
                    await move_trends(consumer, producer, trends, self._partitions)
                customers += moved
                if moved:
                    self._say(f"{self._log}: {moved} customers moved from partition {partition}")
        self._say(f"{customers} customers moved, with their trends")

    async def _mark(self, positions: Mapping[int, Position]) -> None:
        # A producer of its own each time: one knows the partitions that were there when it came.
        records = [Outgoing(partition, POSITION, encode(position)) for partition, position in positions.items()]
        async with connected(self._producer(self._own_id)) as producer, producer.transaction():
            await send(producer, self._log, records)

    async def _grow(self, admin: AIOKafkaAdminClient, topic: str, counts: Mapping[str, int]) -> None:
        if counts[topic] < self._partitions:
            answer = await admin.create_partitions({topic: NewPartitions(total_count=self._partitions)})
            for name, code, message in answer.topic_errors:
                if code:
                    raise for_code(code)(f"{name}: {message or 'no more partitions'}")
            await usable(admin, [topic], partitions=self._partitions)
            self._say(f"{topic}: {counts[topic]} → {self._partitions} partitions")

    async def _fence(self, partitions: int) -> None:
        """Whoever had the partitions, and only sleeps, can write no checkpoint any more."""
        owners = Transactional(self._settings.group("detect"), self._producer)
        await owners.open(set(range(partitions)))
        await owners.close()

    def _producer(self, name: str) -> AIOKafkaProducer:
        return kafka.producer(
            self._settings, transactional_id=name, max_batch_size=MAX_BATCH, max_request_size=MEGABYTE
        )

    def _consumer(self) -> AIOKafkaConsumer:
        return kafka.consumer(self._settings, enable_auto_commit=False, auto_offset_reset="earliest")


async def _counted(client: AIOKafkaConsumer, place: TopicPartition, end: int) -> int:
    # Read, not reckoned: a transaction's marker has an offset, too.
    found = 0
    while await client.position(place) < end:
        for records in (await client.getmany(place, timeout_ms=1000)).values():
            found += sum(record.offset < end for record in records)
    return found
