"""The pages' own way to Postgres: reads only, a few connections, plain words when it is away."""

import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import cache
from importlib.resources import files
from typing import Any

import asyncpg

_CONNECT_SECONDS = 3.0
_STATEMENT_SECONDS = 5.0
_LISTEN_CHECK_SECONDS = 5.0
# What a connection that ended unseen raises at its next use; asyncpg has no one class for it.
_FOUND_DEAD = (
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_STALE_CONNECTIONS = 3  # tried in vain after a restart of Postgres, whose pool finds its dead ones by using them


class Unavailable(Exception):
    """Postgres gives no answer now; the message says why, for people."""


class Database:
    """Queries of `web/sql` by name. Nothing connects before the first query, so that pages start without Postgres."""

    def __init__(self, dsn: str, *, size: int = 8) -> None:
        self._dsn = dsn
        self._size = size
        self._pool: asyncpg.Pool | None = None

    async def open(self) -> None:
        """Make the pool; does not wait for Postgres."""
        self._pool = await asyncpg.create_pool(
            self._dsn,
            min_size=0,
            max_size=self._size,
            timeout=_CONNECT_SECONDS,
            command_timeout=_STATEMENT_SECONDS + _CONNECT_SECONDS,
            init=_init,
            server_settings={
                "application_name": "csatwatch web",
                "default_transaction_read_only": "on",
                # A filter that is left out is a null argument: each plan is made for the arguments that there are.
                "plan_cache_mode": "force_custom_plan",
                "jit": "off",
                "statement_timeout": str(int(_STATEMENT_SECONDS * 1000)),
            },
        )

    async def close(self) -> None:
        """Drop all connections, those in use as well."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        """All rows of the query in `web/sql/{query}.sql`, each by column. Raises `Unavailable`."""
        if self._pool is None:
            raise Unavailable("The database is not connected yet.")
        with _plain_refusals():
            for _ in range(_STALE_CONNECTIONS):
                with suppress(*_FOUND_DEAD):
                    return await self._fetch(self._pool, query, arguments)
            return await self._fetch(self._pool, query, arguments)

    @staticmethod
    async def _fetch(pool: asyncpg.Pool, query: str, arguments: Sequence[object]) -> list[dict[str, Any]]:
        async with pool.acquire(timeout=_CONNECT_SECONDS) as connection:
            return [dict(row) for row in await connection.fetch(_sql(query), *arguments)]

    @asynccontextmanager
    async def listening(
        self, channel: str, heard: Callable[[str], None], lost: Callable[[], None]
    ) -> AsyncIterator["Listener"]:
        """A connection of its own on which `heard` gets each payload of `channel`, and `lost` is called at its end.

        Raises `Unavailable` where it cannot be made.
        """
        with _plain_refusals():
            connection = await asyncpg.connect(
                self._dsn, timeout=_CONNECT_SECONDS, server_settings={"application_name": "csatwatch web live"}
            )

        def on_notice(*notice: Any) -> None:  # noqa: ANN401 - asyncpg hands over connection, pid, channel and payload
            heard(str(notice[-1]))

        def on_termination(_: object) -> None:
            lost()

        connection.add_termination_listener(on_termination)
        try:
            with _plain_refusals():
                await connection.add_listener(channel, on_notice)
            yield Listener(connection)
        finally:
            connection.terminate()


class Listener:
    """The connection behind `Database.listening`."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def check(self) -> None:
        """Whether the server still answers: one that vanished without a word is found only by asking.

        Raises `Unavailable`.
        """
        with _plain_refusals():
            await self._connection.fetchval("select 1", timeout=_LISTEN_CHECK_SECONDS)


@cache
def _sql(query: str) -> str:
    return (files("web") / "sql" / f"{query}.sql").read_text(encoding="utf-8")


async def _init(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


@contextmanager
def _plain_refusals() -> Iterator[None]:
    """Turns an outage into `Unavailable`. Postgres's own words stay out: they may quote a row."""
    try:
        yield
    except asyncpg.UndefinedTableError:
        raise Unavailable(
            "The database has no tables of csatwatch yet: "
            "they are made when csatwatch store or csatwatch deliver starts."
        ) from None
    except asyncpg.UndefinedColumnError:
        raise Unavailable(
            "The database has tables of an older csatwatch: "
            "they are brought up to date when csatwatch store or csatwatch deliver starts."
        ) from None
    except asyncpg.QueryCanceledError:
        raise Unavailable("The database took too long to answer.") from None
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise Unavailable("The database refuses the user or the password in CSATWATCH_POSTGRES_DSN.") from None
    except asyncpg.InvalidCatalogNameError:
        raise Unavailable("The database server has no database of the name in CSATWATCH_POSTGRES_DSN.") from None
    except (
        OSError,  # refused, reset, timed out
        asyncpg.PostgresConnectionError,
        asyncpg.OperatorInterventionError,  # shutting down, starting up
        asyncpg.InsufficientResourcesError,
        asyncpg.InterfaceError,
        asyncpg.InternalClientError,
    ):
        raise Unavailable("The database does not answer.") from None
