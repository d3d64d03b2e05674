"""Events and accounts to Postgres, a batch at a time. The offset moves on after the transaction."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from time import time
from typing import TypeVar

import asyncpg
import structlog
from pydantic import TypeAdapter, ValidationError

from agents import database, metrics
from agents.app import build
from agents.health import Health
from agents.retention import forgetting
from agents.run import run
from agents.settings import PREFIX, BadSettings, Settings
from agents.transport.batch import Batch
from agents.transport.fetcher import Record
from schemas.customer import Customer
from schemas.policy import load_policy
from schemas.record import CustomerId
from sinks.customers import Account, store_customers
from sinks.postgres import ASYNCPG_ERRORS, BadDatabase, Connection, attempts, connect, is_passing, migrate
from sinks.ratings import Arrival, store_events
from streams.topology import CUSTOMERS, EVENTS
from streams.validate import InvalidEvent, check_time, validate

ROWS = 1_000
"""Records a transaction: texts of the greatest length stay well below the size of one JSONB value."""

_CONNECTIONS = 4  # both agents, and a look at the health
_LOG_APPEND_TIME = 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = int((datetime(9999, 1, 1, tzinfo=UTC) - _EPOCH).total_seconds() * 1000)
_CUSTOMER_ID: TypeAdapter[str] = TypeAdapter(CustomerId)

_log = structlog.get_logger(__name__)
T = TypeVar("T")


class Refused(Exception):
    """Postgres does not take a batch, and never will: our bug. Without Postgres's own text, which quotes the row."""


class Store:
    """Writes what the topics say, as long as it is `running`; what was said longer ago than it is kept is taken out."""

    def __init__(self, dsn: str, *, keep_words_days: int | None = None) -> None:
        self._dsn = dsn
        self._keep_words_days = keep_words_days
        self._pool: asyncpg.Pool | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Connected to a migrated database; waits for it, with backoff. Raises `BadDatabase`."""
        applied = await migrate(self._dsn)
        self._pool = await connect(self._dsn, size=_CONNECTIONS, application="csatwatch store")
        _log.info("connected to postgres", migrations=applied)
        try:
            async with forgetting(self._pool, self._keep_words_days):
                yield
        finally:
            pool, self._pool = self._pool, None
            await database.close(pool)

    async def check(self) -> str | None:
        """Why nothing can be stored right now; None: it can."""
        return await database.unreachable(self._pool)

    async def events(self, batch: Batch) -> None:
        """Store a batch of `csat-events`. Returns when it is committed, however long Postgres is away.

        What is no event is skipped: the detector puts it into the dead letters.
        """
        now = datetime.now(UTC)
        arrivals: list[Arrival] = []
        for record in batch.records:
            try:
                arrivals.append(_arrival(record, now))
            except InvalidEvent:
                metrics.EVENTS.labels("store", "unknown", "skipped").inc()
        for rows in _portions(arrivals):
            await self._write(store_events, rows)
            stored = time()
            for event_type, count in Counter(arrival.event.event_type for arrival in rows).items():
                metrics.EVENTS.labels("store", event_type, "stored").inc(count)
            for arrival in rows:
                metrics.STORED_SECONDS.observe(max(stored - arrival.published_at.timestamp(), 0))

    async def customers(self, batch: Batch) -> None:
        """Store a batch of `customers`, like `events`. What is no account is skipped."""
        accounts: list[Account] = []
        for record in batch.records:
            try:
                accounts.append(_account(record))
            except ValidationError as error:
                fields = sorted({".".join(map(str, e["loc"])) for e in error.errors(include_url=False)})
                _log.warning("account skipped", partition=batch.partition, offset=record.offset, fields=fields)
                metrics.ACCOUNT_RECORDS.labels("skipped").inc()
        for rows in _portions(accounts):
            await self._write(store_customers, rows)
            metrics.ACCOUNT_RECORDS.labels("stored").inc(len(rows))

    async def _write(self, work: Callable[[Connection, Sequence[T]], Awaitable[None]], rows: Sequence[T]) -> None:
        if self._pool is None:
            raise RuntimeError("the store is not running")
        async for attempt in attempts():
            with attempt:
                try:
                    async with self._pool.acquire() as connection:
                        await work(connection, rows)
                except ASYNCPG_ERRORS as error:
                    if is_passing(error):
                        raise
                    raise Refused(type(error).__name__) from None


def _portions(items: Sequence[T]) -> list[Sequence[T]]:
    return [items[start : start + ROWS] for start in range(0, len(items), ROWS)]


def _arrival(record: Record, now: datetime) -> Arrival:
    event = validate(record.value)
    published_at = _published_at(record)
    # A producer's clock proves nothing about the event's.
    check_time(event, published_at if record.timestamp_type == _LOG_APPEND_TIME else now)
    return Arrival(event, published_at)


def _account(record: Record) -> Account:
    """Raises `pydantic.ValidationError`."""
    if record.value is None:
        key = (record.key or b"").decode(errors="replace")
        return Account(_CUSTOMER_ID.validate_python(key), None, _published_at(record))
    customer = Customer.from_json(record.value)
    return Account(customer.customer_id, customer, _published_at(record))


def _published_at(record: Record) -> datetime:
    # A producer may have written any number there.
    return _EPOCH + timedelta(milliseconds=min(max(record.timestamp, 0), _LATEST))


async def main(settings: Settings) -> int:
    """Run the store until it is told to stop. Returns the exit code. Raises `BadSettings` and `BadFile`."""
    policy = load_policy(settings.policy)
    store = Store(settings.postgres_dsn.get_secret_value(), keep_words_days=policy.keep_words_days)
    app = build(settings, "store")
    app.batch_agent(settings.topic(EVENTS), store.events, name="store-events")
    app.batch_agent(settings.topic(CUSTOMERS), store.customers, name="store-customers")
    health = Health(settings)
    health.check("postgres", store.check)
    try:
        return await run(app, health, around=store.running())
    except BadDatabase as error:
        raise BadSettings(f"{PREFIX}POSTGRES_DSN: {error}") from None
