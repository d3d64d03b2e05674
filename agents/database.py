"""What the processes with a Postgres pool share: is it there, and an end that does not hang."""

import asyncio

import asyncpg


async def unreachable(pool: asyncpg.Pool | None) -> str | None:
    """Why the database cannot be used right now; None where it answers. `None` is a pool that is not made yet."""
    if pool is None:
        return "waiting for postgres"
    try:
        await pool.fetchval("select 1", timeout=2.0)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return f"postgres: {type(error).__name__}"
    return None


async def close(pool: asyncpg.Pool) -> None:
    """Close the pool, by force where the database does not answer."""
    try:
        async with asyncio.timeout(1):
            await pool.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        pool.terminate()
