"""Takes out, once a day, what people said longer ago than the policy keeps it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import structlog

from sinks import erase
from sinks.postgres import ASYNCPG_ERRORS, Connection

_EVERY = 24 * 3600.0  # seconds
_AGAIN = 600.0  # seconds, where Postgres was away

_log = structlog.get_logger(__name__)


@asynccontextmanager
async def forgetting(pool: asyncpg.Pool, days: int | None) -> AsyncIterator[None]:
    """Look now and every day, as long as the block lasts; never where `days` is None."""
    if days is None:
        yield
        return
    looking = asyncio.create_task(_look(pool, timedelta(days=days)), name="retention")
    try:
        yield
    finally:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking


async def clear(connection: Connection, age: timedelta, now: datetime) -> int:
    """Take out all that is older; how many rows had something. Another worker's turn is none of this one's."""
    total = 0
    while done := await erase.forget_old(connection, now - age):
        total += done
    return total


async def _look(pool: asyncpg.Pool, age: timedelta) -> None:
    while True:
        wait = _EVERY
        try:
            async with pool.acquire() as connection:
                total = await clear(connection, age, datetime.now(UTC))
        except (OSError, *ASYNCPG_ERRORS) as error:
            _log.warning("what is old is not cleared yet", error=type(error).__name__, next_try_seconds=_AGAIN)
            wait = _AGAIN
        else:
            if total:
                _log.info("words of long ago cleared", rows=total)
        await asyncio.sleep(wait)
