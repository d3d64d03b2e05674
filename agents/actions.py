"""From `csm-actions` into Postgres and the ledger, and the results of what people asked for back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from agents import kafka, metrics
from agents.session import connected
from agents.settings import Settings
from agents.transport.batch import Batch
from agents.transport.ends import ends
from agents.transport.fetcher import Record
from schemas.action import Action
from sinks.actions import RESULTS, Actions, Arrival, Settled
from sinks.ledger import Ledger
from sinks.postgres import ASYNCPG_ERRORS, attempts, is_passing
from streams.topology import ACTIONS

Link = Callable[[str, str], Awaitable[str | None]]
"""The address of a message, from its channel and its ts; None where there is none."""

_log = structlog.get_logger(__name__)


class ActionDesk:
    """Takes actions in, as long as it is `running`.

    Args:
        settings: where the topic is.
        ring: called with the name of each sink that has something to do.
    """

    def __init__(self, settings: Settings, ring: Callable[[str], None]) -> None:
        self._settings = settings
        self._topic = settings.topic(ACTIONS)
        self._ring = ring
        self._actions: Actions | None = None
        self._producer: AIOKafkaProducer | None = None
        self._link: Link | None = None
        self._ends: Mapping[int, int] = {}
        self._working = asyncio.Lock()
        for kinds in RESULTS.values():
            for kind in kinds:
                metrics.REQUESTS.labels(kind)  # from the beginning: the first failure is a rise, too

    @asynccontextmanager
    async def running(self, pool: asyncpg.Pool, ledger: Ledger, link: Link | None) -> AsyncIterator[None]:
        """Connected to both sides."""
        self._ends = await self._read_ends()
        async with connected(kafka.producer(self._settings)) as producer:
            self._actions, self._producer, self._link = Actions(pool, ledger), producer, link
            try:
                yield
            finally:
                async with self._working:
                    self._actions = self._producer = None

    async def take(self, batch: Batch) -> None:
        """Keep a batch of `csm-actions`. Returns when that is committed, however long Postgres is away.

        A record that is no action is skipped, logged by its coordinates and counted. A request that was there before
        this process began is carried out once the partition is read to where it ended then: after a restart from
        nothing its result follows on the topic, and what was sent must not be sent again.
        """
        caught_up = batch.next_offset >= self._ends.get(batch.partition, 0)
        done = [found for record in batch.records if (found := _read(batch, record)) is not None]
        await self._store_system([each for each in done if each.kind.is_of_the_system])
        await self._store(
            [Arrival(each, batch.partition, held=not caught_up) for each in done if not each.kind.is_of_the_system]
        )
        if caught_up:
            async for attempt in attempts():
                with attempt:
                    await self._desk.release(batch.partition)
        await self.work()

    async def work(self) -> None:
        """Bring requests into the ledger, and publish the results of those that are carried out.

        Where Postgres or Kafka is away it returns: whoever calls comes again.
        """
        async with self._working:
            if self._actions is None or self._producer is None:
                return
            try:
                for sink in await self._actions.take():
                    self._ring(sink)
                for settled in await self._actions.settled():
                    await self._publish(self._actions, self._producer, settled)
            except (*ASYNCPG_ERRORS, OSError) as error:
                if not is_passing(error):
                    raise
                _log.warning("postgres is away", doing="requests", error=type(error).__name__)
            except KafkaError as error:
                _log.warning("a result is not published yet", error=type(error).__name__)

    @property
    def _desk(self) -> Actions:
        if self._actions is None:
            raise RuntimeError("the desk is not running")
        return self._actions

    async def _store(self, arrivals: Sequence[Arrival]) -> None:
        if not arrivals:
            return
        try:
            async for attempt in attempts():
                with attempt:
                    new = await self._desk.store(arrivals)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            if len(arrivals) > 1:
                for arrival in arrivals:
                    await self._store([arrival])
                return
            refused = arrivals[0].action
            about = {"action_id": str(refused.action_id), "alert_id": str(refused.alert_id)}
            _log.error("action refused", **about, error=type(error).__name__)
            metrics.ACTIONS_TAKEN.labels("unreadable").inc()
            return
        metrics.ACTIONS_TAKEN.labels("recorded").inc(new)
        metrics.ACTIONS_TAKEN.labels("known").inc(len(arrivals) - new)

    async def _store_system(self, done: Sequence[Action]) -> None:
        if not done:
            return
        async for attempt in attempts():
            with attempt:
                new = await self._desk.store_system(done)
        metrics.ACTIONS_TAKEN.labels("recorded").inc(new)
        metrics.ACTIONS_TAKEN.labels("known").inc(len(done) - new)

    async def _publish(self, actions: Actions, producer: AIOKafkaProducer, settled: Settled) -> None:
        link = await self._link(*settled.place) if self._link is not None and settled.place is not None else None
        result = settled.result(link)
        await producer.send_and_wait(self._topic, result.to_json(), key=result.customer_id.encode())
        await actions.answered(settled)
        metrics.REQUESTS.labels(result.kind).inc()
        about = {"alert_id": str(result.alert_id), "request_id": str(result.request_id)}
        _log.info("request answered", kind=result.kind, **about)

    async def _read_ends(self) -> dict[int, int]:
        consumer = kafka.consumer(self._settings, enable_auto_commit=False, auto_offset_reset="earliest")
        async with connected(consumer):
            await consumer.topics()
            partitions = consumer.partitions_for_topic(self._topic) or ()
            wanted = [TopicPartition(self._topic, partition) for partition in sorted(partitions)]
            if not wanted:
                return {}
            consumer.assign(wanted)
            return {tp.partition: offset for tp, offset in (await ends(consumer, wanted)).items()}


def _read(batch: Batch, record: Record) -> Action | None:
    try:
        return Action.from_json(record.value or b"")
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_url=False)})
        _log.error("action skipped", partition=batch.partition, offset=record.offset, fields=fields[:10])
        metrics.ACTIONS_TAKEN.labels("unreadable").inc()
        return None
