"""A fresh database for each test, cloned from one that is migrated once."""

import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

_TEMPLATE = "csatwatch_template"


def with_database(dsn: str, database: str) -> str:
    """The DSN of another database on the same server."""
    return urlsplit(dsn)._replace(path=f"/{database}").geturl()


@dataclass(frozen=True, slots=True)
class Databases:
    """A server with a migrated template."""

    dsn: str
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @asynccontextmanager
    async def fresh(self) -> AsyncIterator[str]:
        """The DSN of a migrated, empty database; dropped at the end, whoever is still connected."""
        name = f"csatwatch_{next(self._numbers)}"
        await self._run(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
        try:
            yield with_database(self.dsn, name)
        finally:
            await self._run(f"DROP DATABASE {name} WITH (FORCE)")

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def databases(directory: Path) -> AsyncIterator[Databases]:
    """An embedded Postgres with its migrated template."""
    from agents.embedded.postgres import embedded_postgres
    from sinks.postgres import migrate

    async with embedded_postgres(directory) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
        finally:
            await connection.close()
        await migrate(with_database(dsn, _TEMPLATE))
        yield Databases(dsn)
