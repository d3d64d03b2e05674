"""Postgres restarts, or is away: nothing is lost, and the health says so."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from agents.embedded.postgres import embedded_postgres
from agents.store import Store
from sinks.postgres import connect
from tests.integration.store.conftest import batch, expected, feed, stored
from tests.servers.wait import until

pytestmark = pytest.mark.postgres


class Line:
    """The way to a server, which can be cut."""

    def __init__(self, dsn: str) -> None:
        self._target = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def dsn(self) -> str:
        """The server's DSN by this line."""
        credentials = self._target.netloc.rpartition("@")[0]
        return self._target._replace(netloc=f"{credentials}@127.0.0.1:{self._port}").geturl()

    async def join(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        """Connections are reset, and new ones refused."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await until(lambda: not self._open, what="all connections are cut")

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._open |= {writer, back}
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        except OSError:
            pass
        finally:
            back.transport.abort()
            writer.transport.abort()
            self._open -= {writer, back}


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def line(dsn: str) -> AsyncIterator[Line]:
    made = Line(dsn)
    await made.join()
    try:
        yield made
    finally:
        await made.cut()


async def test_a_restart_of_postgres_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    events = feed(5, 2000)
    async with embedded_postgres(tmp_path) as dsn:
        operator = await asyncpg.connect(dsn)
        # The embedded server may forget its last commits in a crash; one that is run for keeps may not.
        await operator.execute("alter database csatwatch set synchronous_commit = on")
        await operator.close()
        store = Store(dsn)
        async with store.running():

            async def store_all() -> None:
                for start in range(0, len(events), 100):
                    await store.events(batch(events[start : start + 100]))

            storing = asyncio.create_task(store_all())
            for part in (300, 900):
                await _rows(dsn, part)
                # A backend that is killed makes Postgres end all others and recover from its log.
                victim = await asyncpg.connect(dsn)
                os.kill(await victim.fetchval("select pg_backend_pid()"), signal.SIGKILL)
                victim.terminate()
            await storing
            async with await connect(dsn, size=1) as pool:
                assert await stored(pool) == expected(events)


async def _rows(dsn: str, count: int) -> None:
    async with await connect(dsn, size=1) as pool:

        async def there() -> bool:
            return len(await stored(pool)) >= count

        await until(there, what=f"{count} rows are stored")


async def test_postgres_away_is_waited_for_and_told(postgres: str, pool: asyncpg.Pool) -> None:
    events = feed(6, 400)
    async with line(postgres) as way:
        store = Store(way.dsn)
        async with store.running():
            await store.events(batch(events[:200]))
            assert await store.check() is None
            await way.cut()
            waiting = asyncio.create_task(store.events(batch(events[200:])))
            assert "postgres" in (await store.check() or "")
            assert await stored(pool) == expected(events[:200])
            assert not waiting.done()
            await way.join()
            await waiting
            assert await store.check() is None
    assert await stored(pool) == expected(events)


async def test_the_start_waits_for_postgres_and_can_be_given_up(postgres: str) -> None:
    async with line(postgres) as way:
        await way.cut()
        store = Store(way.dsn)
        assert await store.check() == "waiting for postgres"

        async def start() -> None:
            async with store.running():
                assert await store.check() is None

        given_up = asyncio.create_task(start())
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        started = asyncio.create_task(start())
        await asyncio.sleep(0)
        assert not started.done()
        await way.join()
        await started
