"""What the processes with a Postgres pool share: is it there, and an end that does not hang; and a command's visit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from agents.refused import Failed
from agents.settings import PREFIX, Settings
from sinks.postgres import ASYNCPG_ERRORS, Connection, set_codecs

_CONNECT = 5.0  # seconds

Result = TypeVar("Result")


async def unreachable(pool: asyncpg.Pool | None) -> str | None:
    """Why the database cannot be used right now; None where it answers. `None` is a pool that is not made yet."""
    if pool is None:
        return "waiting for postgres"
    try:
        await pool.fetchval("select 1", timeout=2.0)
    except (OSError, *ASYNCPG_ERRORS) as error:
        return f"postgres: {type(error).__name__}"
    return None


async def close(pool: asyncpg.Pool) -> None:
    """Close the pool, by force where the database does not answer."""
    try:
        async with asyncio.timeout(1):
            await pool.close()
    except (OSError, *ASYNCPG_ERRORS):
        pool.terminate()


def visit(settings: Settings, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Run a command's `work` on the database to its end. Raises `Failed` where it cannot be used."""
    return asyncio.run(visited(settings, work))


async def visited(settings: Settings, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """The same, within a program that runs already."""
    try:
        connection = await asyncpg.connect(settings.postgres_dsn.get_secret_value(), timeout=_CONNECT)
        try:
            await set_codecs(connection)
            return await work(connection)
        finally:
            await connection.close(timeout=_CONNECT)
    except asyncpg.UndefinedTableError:
        raise Failed(
            "the database has no tables of csatwatch yet: they are made when csatwatch deliver starts"
        ) from None
    except (OSError, TimeoutError, *ASYNCPG_ERRORS, ValueError) as error:
        # Only the class: the text may hold the password, or quote a row.
        raise Failed(
            f"Postgres cannot be used ({type(error).__name__}): start it, or correct {PREFIX}POSTGRES_DSN"
        ) from None
