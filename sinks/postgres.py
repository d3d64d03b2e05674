"""The way to Postgres: connections that wait for it, numbered migrations, queries by name."""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from types import MappingProxyType
from typing import Any, TypeAlias

import asyncpg
import asyncpg.pool
import stamina

CONNECT_SECONDS = 10.0
STATEMENT_SECONDS = 60.0

ASYNCPG_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Its errors have no one class: the server's, those of its use, and a connection that broke at a bad moment."""

Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
"""One of a pool's, or one of its own."""

_SQL = files("sinks") / "sql"
_MIGRATION = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")
_BREAKS = re.compile(r"^-- breaks older releases\b", re.MULTILINE)
_QUERY = re.compile(r"^-- name: *(?P<name>\S+) *$", re.MULTILINE)


class BadDatabase(Exception):
    """A database that waiting does not mend: wrong address, password or migrations. The message says the fix."""


def is_passing(error: Exception) -> bool:
    """Whether the same transaction may go through when it is tried again later.

    True where Postgres is away, starting, stopping, a standby or overtaxed, and where another transaction was in the
    way (deadlock, serialization, lock timeout).
    """
    if isinstance(error, asyncpg.InterfaceError):
        # asyncpg has no class of its own for a connection that was lost between two statements.
        return "connection is closed" in str(error)
    return isinstance(
        error,
        OSError  # refused, reset, timed out
        | asyncpg.InternalClientError  # a connection that broke at a bad moment; the next is sound
        | asyncpg.PostgresConnectionError
        | asyncpg.CannotConnectNowError
        | asyncpg.AdminShutdownError
        | asyncpg.CrashShutdownError
        | asyncpg.InsufficientResourcesError
        | asyncpg.QueryCanceledError
        | asyncpg.LockNotAvailableError
        | asyncpg.ObjectNotInPrerequisiteStateError  # an operator lets nobody into the database for now
        | asyncpg.ReadOnlySQLTransactionError
        | asyncpg.TransactionRollbackError,
    )


def attempts() -> AsyncIterator[stamina.Attempt]:
    """Tries without end, with growing waits of up to 5 s, while the error `is_passing`; others come through.

    async for attempt in attempts():
        with attempt:
            async with pool.acquire() as connection, connection.transaction():
                ...
    """
    return stamina.retry_context(
        on=is_passing, attempts=None, timeout=None, wait_initial=0.1, wait_max=5.0, wait_jitter=0.2
    )


async def connect(dsn: str, *, size: int, application: str = "csatwatch") -> asyncpg.Pool:
    """A pool of up to `size` connections, once Postgres answers; until then it waits, with backoff.

    On its connections JSONB is plain Python, UUIDs are lower-case text as in the topics, and a statement ends after
    `STATEMENT_SECONDS`. Postgres shows the connections under the name `application`.

    Raises:
        BadDatabase: the address, the user, the password or the database's name is wrong.
    """
    async for attempt in attempts():
        with attempt, _plain_refusals():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=0,  # what asyncpg opens by itself in an outage, it reports with a traceback each time
                max_size=size,
                init=set_codecs,
                timeout=CONNECT_SECONDS,
                # The server ends a statement itself; the client waits a little longer, for a server that is gone.
                command_timeout=STATEMENT_SECONDS + CONNECT_SECONDS,
                server_settings={
                    "application_name": application,
                    "statement_timeout": str(int(STATEMENT_SECONDS * 1000)),
                    "idle_in_transaction_session_timeout": str(int(STATEMENT_SECONDS * 1000)),
                    "timezone": "UTC",
                },
            )
            try:
                await pool.fetchval("select 1")
            except BaseException:
                pool.terminate()
                raise
            return pool
    raise AssertionError  # the attempts have no end


async def migrate(dsn: str, directory: Traversable = _SQL / "migrations") -> list[str]:
    """Bring the database up to the migrations of `directory`; waits for Postgres, with backoff.

    Each migration runs in its own transaction, in the order of the numbers, under a lock that lets several processes
    start at once. Returns the names of those that were applied now: none when all were there. A database that newer
    releases have migrated will do, unless a migration says that older programs cannot work with what it leaves.

    Raises:
        BadDatabase: the database cannot be reached for good, is too new for this program, one of its migrations is
            changed or missing here, or the user may not change its tables.
    """
    known = _migrations(directory)
    applied_now: list[str] = []
    async for attempt in attempts():
        with attempt:
            with _plain_refusals():
                connection = await asyncpg.connect(
                    dsn, timeout=CONNECT_SECONDS, server_settings={"application_name": "csatwatch migrations"}
                )
            try:
                # Looked at first: who may only use the tables need not make any.
                while not await _up_to_date(connection, known) and (name := await _apply_next(connection, known)):
                    applied_now.append(name)
            except asyncpg.InsufficientPrivilegeError:
                raise BadDatabase(
                    "the database lacks migrations, and this user may not make them: run `csatwatch database migrate` "
                    "as its owner"
                ) from None
            finally:
                await connection.close(timeout=CONNECT_SECONDS)
    return applied_now


async def look_at_migrations(connection: asyncpg.Connection) -> None:
    """Change nothing. Raises `BadDatabase` where this release cannot work with what there is; missing is no fault."""
    await _up_to_date(connection, _migrations(_SQL / "migrations"))


@cache
def queries(name: str) -> Mapping[str, str]:
    """The queries of `sinks/sql/{name}.sql` by their names: each begins with a line `-- name: NAME`."""
    source = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    _, *parts = _QUERY.split(source)
    found = dict(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
    if len(found) * 2 != len(parts):
        msg = f"{name}.sql: two queries have one name"
        raise ValueError(msg)
    return MappingProxyType(found)


async def set_codecs(connection: asyncpg.Connection) -> None:
    """Makes JSONB plain Python and UUIDs lower-case text on the connection."""
    await connection.set_type_codec("jsonb", encoder=_json, decoder=json.loads, schema="pg_catalog")
    await connection.set_type_codec("uuid", encoder=str, decoder=str, schema="pg_catalog")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


@contextmanager
def _plain_refusals() -> Iterator[None]:
    """Turns what a person has to mend into `BadDatabase`. asyncpg's own text may hold the address and its password."""
    try:
        yield
    except (ValueError, OverflowError):  # asyncpg's own is a ValueError too
        raise BadDatabase(
            "the Postgres address is not one: it must be postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
        ) from None
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise BadDatabase("Postgres refuses the user or the password: correct them in the address") from None
    except asyncpg.InvalidCatalogNameError:
        raise BadDatabase("Postgres has no such database: create it, or correct its name in the address") from None


@dataclass(frozen=True, slots=True)
class _Migration:
    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def breaks(self) -> bool:
        """Whether a program of the release before cannot work with what it leaves."""
        return _BREAKS.search(self.sql) is not None


def _migrations(directory: Traversable) -> Sequence[_Migration]:
    """The migrations of `directory` in order. Raises `ValueError` where their numbers are not 1, 2, 3 and so on."""
    found: list[_Migration] = []
    for file in sorted(directory.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            match = _MIGRATION.fullmatch(file.name)
            number = len(found) + 1
            if match is None or int(match["number"]) != number:
                msg = f"migration {file.name}: must be {number:04}_NAME.sql, NAME in lower case"
                raise ValueError(msg)
            # Reading as text makes line ends one: a checkout on another system is no change.
            found.append(_Migration(number, file.name, file.read_text(encoding="utf-8")))
    return found


_APPLIED = "select number, name, checksum, to_jsonb(m) -> 'breaks' = 'true' as breaks from migrations m order by number"


async def _up_to_date(connection: asyncpg.Connection, known: Sequence[_Migration]) -> bool:
    """Whether nothing is to be done. Changes nothing. Raises `BadDatabase`."""
    if await connection.fetchval("select to_regclass('migrations')") is None:
        return False
    applied = [dict(row) for row in await connection.fetch(_APPLIED)]
    _compare(known, applied)
    return len(applied) >= len(known)


async def _apply_next(connection: asyncpg.Connection, known: Sequence[_Migration]) -> str | None:
    """Apply the first of `known` that is not applied yet, and give its name; None: all were."""
    async with connection.transaction():
        # Held to the end of the transaction, and so gone with it even where a pooler sits in between.
        await connection.execute("select pg_advisory_xact_lock(hashtextextended('csatwatch migrations', 0))")
        await connection.execute(
            "create table if not exists migrations (number integer primary key, name text not null, "
            "checksum text not null, applied_at timestamptz not null default now())"
        )
        # Where the table was made before there was such a thing.
        await connection.execute(
            "alter table migrations add column if not exists breaks boolean not null default false"
        )
        applied = [dict(row) for row in await connection.fetch(_APPLIED)]
        _compare(known, applied)
        if len(applied) >= len(known):
            return None
        due = known[len(applied)]
        await connection.execute(due.sql)
        await connection.execute(
            "insert into migrations (number, name, checksum, breaks) values ($1, $2, $3, $4)",
            due.number,
            due.name,
            due.checksum,
            due.breaks,
        )
        return due.name


def _compare(known: Sequence[_Migration], applied: Sequence[Mapping[str, Any]]) -> None:
    """Raises `BadDatabase` where the database was made by other migrations than these, or goes beyond them too far."""
    by_number = {migration.number: migration for migration in known}
    for number, name, checksum, breaks in ((a["number"], a["name"], a["checksum"], a["breaks"]) for a in applied):
        if number > len(known):
            if breaks:
                raise BadDatabase(
                    f"the database is newer than this csatwatch can work with: it has migration {name}, this one ends "
                    f"at {known[-1].name if known else 'none'}: run the newer csatwatch"
                )
            continue
        mine = by_number[number]
        if mine.name != name:
            raise BadDatabase(
                f"the database has migration {name} where this csatwatch has {mine.name}: "
                "an applied migration is never renamed or removed: put it back"
            )
        if mine.checksum != checksum:
            raise BadDatabase(
                f"migration {name} has changed since it was applied: put its old text back, "
                "and say what is new in a further migration"
            )
    if [each["number"] for each in applied] != list(range(1, len(applied) + 1)):
        raise BadDatabase(
            "the table migrations of the database has a gap: restore its rows, or start with an empty database"
        )
