import re
from pathlib import Path

import asyncpg
import pytest

from sinks.postgres import BadDatabase, connect, is_passing, migrate, queries

SQL = Path(__file__).parents[3] / "sinks" / "sql"


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        asyncpg.CannotConnectNowError("starting"),
        asyncpg.AdminShutdownError("stopping"),
        asyncpg.ConnectionDoesNotExistError("lost"),
        asyncpg.TooManyConnectionsError("full"),
        asyncpg.DeadlockDetectedError("deadlock"),
        asyncpg.SerializationError("again"),
        asyncpg.QueryCanceledError("too slow"),
        asyncpg.ReadOnlySQLTransactionError("a standby"),
        asyncpg.ObjectNotInPrerequisiteStateError("the database is not currently accepting connections"),
        asyncpg.InterfaceError("cannot call Connection.fetch(): connection is closed"),
        asyncpg.InternalClientError("cannot switch to state 11; another operation (2) is in progress"),
    ],
)
def test_what_goes_away_by_itself_is_tried_again(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.DataError("no such value"),
        asyncpg.InvalidPasswordError("no"),
        asyncpg.UndefinedTableError("no"),
        asyncpg.CheckViolationError("no"),
        asyncpg.InterfaceError("another operation is in progress"),
        asyncpg.InterfaceError("pool is closed"),
        ValueError("connection is closed"),
    ],
)
def test_what_stays_wrong_comes_through(error: Exception) -> None:
    assert not is_passing(error)


@pytest.mark.parametrize(
    "dsn", ["mysql://u:hush@host/db", "postgresql://u:hush@127.0.0.1:99999999/db", "postgresql://u:hush@[::1/db"]
)
async def test_what_is_no_address_is_said_without_its_password(dsn: str) -> None:
    for way_in in (migrate(dsn), connect(dsn, size=1)):
        with pytest.raises(BadDatabase, match="postgresql://USER:PASSWORD@HOST:PORT/DATABASE") as caught:
            await way_in
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize("name", ["2_first.sql", "0002_first.sql", "0001_First.sql", "0001.sql"])
async def test_migrations_are_numbered_without_gaps(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("select 1")
    with pytest.raises(ValueError, match=r"must be 0001_NAME\.sql"):
        await migrate("postgresql://nowhere", tmp_path)


def test_a_query_is_found_by_its_name() -> None:
    found = queries("store")
    assert "insert into support_satisfaction" in found["upsert_answers"]
    assert "-- name:" not in "".join(found.values())
    with pytest.raises(KeyError):
        found["no_such_query"]


@pytest.mark.parametrize("file", sorted(SQL.glob("*.sql")), ids=lambda file: file.stem)
def test_each_query_is_named_once_and_commented(file: Path) -> None:
    names = re.findall(r"^-- name: *(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    found = queries(file.stem)
    assert sorted(found) == sorted(names)
    for name, query in found.items():
        assert query.startswith("-- "), f"{file.name}: {name} has no comment"
