"""The weekly digest: keeps the trends, sees which digests are due, has each made once and published to `alerts`."""

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from pydantic import TypeAdapter, ValidationError

from agents import database, kafka, metrics
from agents.abreast import Abreast
from agents.session import connected
from agents.settings import Settings
from agents.transport.app import BatchApp
from agents.transport.batch import Batch
from agents.transport.fetcher import Record
from schemas.alert import CustomerTrend
from schemas.customer import Person
from schemas.digest import Digest, Standing
from schemas.policy import Policy
from schemas.record import CustomerId
from sinks.digests import Digests, NotMade, Planned, TrendRecord, store_trends
from sinks.postgres import ASYNCPG_ERRORS, attempts, connect, is_passing
from streams.digest import compose
from streams.topology import ALERTS, EVENTS, HEADER_MOVED, TRENDS
from streams.week import Slot, last_slot, zone_of

_CONNECTIONS = 3  # the trends, a look, and what a stop leaves behind
_ROWS = 1_000  # trends a transaction
_LOOK_EVERY = 5.0  # seconds
_READERS = {"deliver": (TRENDS, ALERTS), "store": (EVENTS,)}
_PATIENCE = 600.0  # seconds for which a digest waits until what was published before is in Postgres
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() * 1000)
_CUSTOMER_ID: TypeAdapter[str] = TypeAdapter(CustomerId)

_log = structlog.get_logger(__name__)


def _now() -> datetime:
    return datetime.now(UTC)


class DigestDesk:
    """Makes the digests, as long as it is `running`; any number of workers may.

    Args:
        settings: where the servers are.
        policy: when, and what is in them.
        app: looks every few seconds.
        clock: tells the time.
    """

    def __init__(
        self, settings: Settings, policy: Policy, app: BatchApp, *, clock: Callable[[], datetime] = _now
    ) -> None:
        self._settings = settings
        self._policy = policy
        self._clock = clock
        self._pool: asyncpg.Pool | None = None
        self._producer: AIOKafkaProducer | None = None
        self._away = False
        self._abreast = Abreast(settings, _READERS, patience=_PATIENCE)
        app.timer(_LOOK_EVERY)(self.look)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected to Kafka and to a database that is migrated already; waits for it, with backoff."""
        dsn = self._settings.postgres_dsn.get_secret_value()
        async with AsyncExitStack() as stack:
            pool = await connect(dsn, size=_CONNECTIONS, application="csatwatch deliver digests")
            stack.push_async_callback(database.close, pool)
            self._producer = await stack.enter_async_context(connected(kafka.producer(self._settings)))
            self._pool = pool
            try:
                yield
            finally:
                self._pool = self._producer = None

    async def trends(self, batch: Batch) -> None:
        """Keep a batch of `csat-trends`. Returns when that is committed, however long Postgres is away.

        A record that is no trend is skipped, logged by its coordinates and counted.
        """
        if self._pool is None:
            raise RuntimeError("the digests are not running")
        records = [found for record in batch.records if (found := _read(batch, record)) is not None]
        for start in range(0, len(records), _ROWS):
            rows = records[start : start + _ROWS]
            async for attempt in attempts():
                with attempt:
                    async with self._pool.acquire() as connection:
                        await store_trends(connection, rows)
            metrics.TRENDS_TAKEN.labels("stored").inc(len(rows))

    async def look(self) -> None:
        """Plan what is due, make what is planned, publish what is made. Where a server is away, the next look does."""
        if self._pool is None or self._producer is None:
            return
        digests = Digests(self._pool)
        try:
            await self._plan(digests)
            if await digests.has_planned() and await self._abreast.reached():
                await self._make(digests)
            while published := await digests.publish(self._publish, self._clock()):
                metrics.DIGESTS.labels("published").inc(published)
                _log.info("digests published", digests=published)
            progress = await digests.progress()
        except (*ASYNCPG_ERRORS, KafkaError, OSError) as error:
            if not isinstance(error, KafkaError) and not is_passing(error):
                raise
            if not self._away:
                _log.warning("digests wait", error=type(error).__name__)
            self._away = True
            return
        self._away = False
        metrics.DIGESTS_WAITING.set(progress.waiting)
        metrics.DIGEST_LAST.set(progress.last_due_at.timestamp() if progress.last_due_at else 0)

    async def _plan(self, digests: Digests) -> None:
        rule, now = self._policy.digest, self._clock()
        by_zone: defaultdict[str, list[str]] = defaultdict(list)
        for csm in await digests.csms():
            by_zone[zone_of(csm, rule)].append(csm)
        for time_zone, csms in sorted(by_zone.items()):
            slot = last_slot(now, rule, time_zone)
            if planned := await digests.plan(slot.week, slot.at, time_zone, csms):
                _log.info("digests due", week=slot.week, time_zone=time_zone, csms=planned)

    async def _make(self, digests: Digests) -> None:
        now = self._clock()

        def composed(planned: Planned, csm: Person, standings: Sequence[Standing]) -> Digest | None:
            digest = compose(csm, Slot(planned.week, planned.due_at), standings, self._policy, now)
            return digest if digest.items or self._policy.digest.when_empty == "one_line" else None

        failed: list[str] = []
        while True:
            try:
                made = await digests.make_next(composed, now, failed)
            except NotMade as error:
                # One that trips a bug fails visibly, and holds up no other.
                _log.error("a digest cannot be made", alert_id=error.alert_id, error=str(error), exc_info=error)
                metrics.DIGESTS.labels("failed").inc()
                failed.append(error.alert_id)
                continue
            if made is None:
                return
            planned, digest = made
            metrics.DIGESTS.labels("made" if digest else "empty").inc()
            about = {"alert_id": str(digest.alert_id), "items": len(digest.items)} if digest else {"items": 0}
            _log.info("digest made", week=planned.week, **about)

    async def _publish(self, records: Sequence[tuple[str, bytes]]) -> None:
        if self._producer is None:
            raise RuntimeError("the digests are not running")
        topic = self._settings.topic(ALERTS)
        for key, value in records:
            digest = Digest.from_json(value)
            await self._producer.send_and_wait(topic, key=key.encode(), value=value, headers=_headers(digest))


def _headers(digest: Digest) -> list[tuple[str, bytes]]:
    # CloudEvents 1.0 in Kafka's binary mode, as on the detector's records.
    return [
        ("ce_specversion", b"1.0"),
        ("ce_source", b"csatwatch/deliver"),
        ("content-type", b"application/json"),
        ("ce_id", f"{digest.alert_id}/{digest.revision}".encode()),
        ("ce_type", f"csatwatch.alert.{digest.kind}.{digest.status}".encode()),
        ("ce_time", digest.detected_at.isoformat().encode()),
    ]


def _read(batch: Batch, record: Record) -> TrendRecord | None:
    # A producer may have written any number there.
    published_at = _EPOCH + timedelta(milliseconds=min(max(record.timestamp, 0), _LATEST))
    try:
        if record.value is None:
            if any(name == HEADER_MOVED for name, _ in record.headers):
                return None  # it is on another partition now
            customer_id = _CUSTOMER_ID.validate_python((record.key or b"").decode(errors="replace"))
            return TrendRecord(customer_id, None, published_at, record.offset)
        trend = CustomerTrend.from_json(record.value)
    except ValidationError as error:
        fields = sorted({".".join(map(str, each["loc"])) for each in error.errors(include_url=False)})
        _log.warning("trend skipped", partition=batch.partition, offset=record.offset, fields=fields[:10])
        metrics.TRENDS_TAKEN.labels("skipped").inc()
        return None
    return TrendRecord(trend.customer_id, trend, published_at, record.offset)
