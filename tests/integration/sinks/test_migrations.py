import asyncio
import multiprocessing
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from sinks.postgres import BadDatabase, migrate
from tests.servers.databases import Databases, with_database

SHIPPED = Path(__file__).parents[3] / "sinks" / "sql" / "migrations"


@pytest.fixture
async def empty(databases: Databases) -> AsyncIterator[str]:
    """The DSN of a database without anything in it."""
    connection = await asyncpg.connect(databases.dsn)
    await connection.execute("create database nothing_in_it")
    yield with_database(databases.dsn, "nothing_in_it")
    await connection.execute("drop database nothing_in_it with (force)")
    await connection.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "0001_first.sql").write_text("create table first (id int)")
    (tmp_path / "0002_second.sql").write_text("create table second (id int); insert into second values (1)")
    return tmp_path


async def fetch(dsn: str, query: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(dsn)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def test_an_empty_database_gets_all_migrations_once(empty: str) -> None:
    names = sorted(file.name for file in SHIPPED.glob("*.sql"))
    assert await migrate(empty) == names
    assert await migrate(empty) == []
    assert await fetch(empty, "select name from migrations order by number") == [(name,) for name in names]
    assert await fetch(empty, "select count(*) from support_satisfaction") == [(0,)]


async def test_a_further_migration_is_applied_alone(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0003_third.sql").write_text("create table third (id int)")
    assert await migrate(empty, files) == ["0003_third.sql"]


async def test_a_migration_that_fails_leaves_nothing_and_keeps_those_before(empty: str, files: Path) -> None:
    (files / "0002_second.sql").write_text("create table second (id int); select 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty, files)
    assert await fetch(empty, "select to_regclass('first') is null, to_regclass('second') is null") == [(False, True)]
    assert await fetch(empty, "select name from migrations") == [("0001_first.sql",)]
    (files / "0002_second.sql").write_text("create table second (id int)")
    assert await migrate(empty, files) == ["0002_second.sql"]


async def test_a_changed_migration_is_refused(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0001_first.sql").write_text("create table first (id bigint)")
    with pytest.raises(BadDatabase, match=r"0001_first\.sql has changed since it was applied"):
        await migrate(empty, files)


async def test_other_line_ends_are_no_change(empty: str, files: Path) -> None:
    (files / "0001_first.sql").write_bytes(b"create table first (\n  id int\n)\n")
    await migrate(empty, files)
    (files / "0001_first.sql").write_bytes(b"create table first (\r\n  id int\r\n)\r\n")
    assert await migrate(empty, files) == []


async def test_a_replaced_migration_is_refused(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0001_first.sql").rename(files / "0001_other.sql")
    with pytest.raises(BadDatabase, match=r"0001_first\.sql where this csatwatch has 0001_other\.sql"):
        await migrate(empty, files)


async def test_a_newer_database_will_do(empty: str, files: Path) -> None:
    await migrate(empty, files)
    (files / "0002_second.sql").unlink()
    assert await migrate(empty, files) == []


async def test_a_newer_database_that_this_release_cannot_work_with_is_refused(empty: str, files: Path) -> None:
    (files / "0003_third.sql").write_text("-- breaks older releases: they read the table\ndrop table first")
    await migrate(empty, files)
    for name in ("0003_third.sql", "0002_second.sql"):
        (files / name).unlink()
        with pytest.raises(
            BadDatabase, match=r"newer than this csatwatch can work with: it has migration 0003_third\."
        ):
            await migrate(empty, files)


async def test_a_database_of_before_there_was_such_a_word_is_taken(empty: str, files: Path) -> None:
    await migrate(empty, files)
    await fetch(empty, "alter table migrations drop column breaks")
    assert await migrate(empty, files) == []
    (files / "0003_third.sql").write_text("create table third (id int)")
    assert await migrate(empty, files) == ["0003_third.sql"]
    assert await fetch(empty, "select breaks from migrations order by number") == [(False,)] * 3


async def test_who_may_not_migrate_is_told_and_needs_not_where_nothing_is_to_do(
    databases: Databases, empty: str, files: Path
) -> None:
    await migrate(empty, files)
    await fetch(databases.dsn, "create role reader login password 'reads'")
    try:
        await fetch(empty, "grant select on migrations to reader")
        reader = urlsplit(empty)._replace(netloc=f"reader:reads@{urlsplit(empty).netloc.rpartition('@')[2]}").geturl()
        assert await migrate(reader, files) == []
        (files / "0003_third.sql").write_text("create table third (id int)")
        with pytest.raises(BadDatabase, match="run `csatwatch database migrate` as its owner"):
            await migrate(reader, files)
    finally:
        await fetch(empty, "drop owned by reader")
        await fetch(empty, "drop role reader")


async def test_a_gap_among_the_applied_ones_is_refused(empty: str, files: Path) -> None:
    await migrate(empty, files)
    await fetch(empty, "delete from migrations where number = 1 returning number")
    with pytest.raises(BadDatabase, match="has a gap"):
        await migrate(empty, files)


def _migrate_at(dsn: str, directory: Path, barrier: object, results: object) -> None:
    barrier.wait()  # type: ignore[attr-defined]
    results.put(asyncio.run(migrate(dsn, directory)))  # type: ignore[attr-defined]


async def test_processes_that_start_together_apply_each_migration_once(empty: str, tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path, dirs_exist_ok=True)
    shipped = len(list(tmp_path.glob("*.sql")))
    for number in range(shipped + 1, shipped + 20):
        (tmp_path / f"{number:04}_more.sql").write_text(f"create table more_{number} (id int)")
    spawned = multiprocessing.get_context("spawn")
    barrier, results = spawned.Barrier(3), spawned.Queue()
    processes = [spawned.Process(target=_migrate_at, args=(empty, tmp_path, barrier, results)) for _ in range(3)]
    for process in processes:
        process.start()
    applied = [name for _ in processes for name in await asyncio.to_thread(results.get, timeout=60)]
    for process in processes:
        await asyncio.to_thread(process.join, 30)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert sorted(applied) == sorted(file.name for file in tmp_path.glob("*.sql"))
