"""The commands of docs/backup.md, on a running installation: nothing is lost, and nobody is told twice."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from agents.embedded.postgres import _installed, _packaged
from tests.integration.docs.blocks import ROOT, blocks
from tests.servers.databases import with_database
from tests.servers.fake_slack import FakeSlack
from tests.servers.processes import csatwatch, running
from tests.servers.wait import until

if TYPE_CHECKING:
    from tests.servers.databases import Databases
    from tests.servers.kafka import KafkaServer

_CUSTOMERS = ("0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11", "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed")
_LONG_AGO = "2026-05-12T09:30Z"
_BLOCKS = {block.run: block.text for block in blocks(ROOT / "docs" / "backup.md") if block.run}


class _Installation:
    def __init__(self, kafka: "KafkaServer", prefix: str, dsn: str, slack: FakeSlack, directory: Path) -> None:
        self.directory = directory
        self.slack = slack
        self.settings = {
            "CSATWATCH_KAFKA_URL": kafka.url,
            "CSATWATCH_TOPIC_PREFIX": prefix,
            "CSATWATCH_APP_ID": f"{prefix}csatwatch",
            "CSATWATCH_PARTITIONS": "2",
            "CSATWATCH_POSTGRES_DSN": dsn,
            "CSATWATCH_STATE_DIR": str(directory / "state"),
            "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
            "CSATWATCH_SLACK_API_URL": slack.url,
        }

    @asynccontextmanager
    async def on(self, dsn: str) -> AsyncIterator[None]:
        """Store and deliver, on this database."""
        self.settings["CSATWATCH_POSTGRES_DSN"] = dsn
        async with running(self.settings, self.directory, "store", "deliver"):
            yield

    async def command(self, *words: str, records: list[dict[str, Any]] | None = None) -> str:
        given = "".join(json.dumps(record) + "\n" for record in records or ())
        done = await csatwatch(*words, settings=self.settings, directory=self.directory, stdin=given)
        assert done.code == 0, done.stderr
        return done.stdout

    async def refused(self, *words: str) -> str:
        done = await csatwatch(*words, settings=self.settings, directory=self.directory)
        assert done.code == 1, done.stderr
        return done.stderr

    async def rate(self, number: int) -> None:
        rating = {
            "event_type": "support_csat_received",
            "event_id": f"e-{number}",
            "customer_id": _CUSTOMERS[number % 2],
            "ticket_id": f"TKT-{number}",
            "rating": 1,
            "responded_at": datetime.now(UTC).isoformat(),
        }
        await self.command("publish", "-", records=[rating])

    async def shell(self, run: str) -> str:
        """A block of the page."""
        tools = [str(path) for path in (*_installed(), _packaged()) if path is not None]
        (self.directory / "csatwatch").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m agents.cli "$@"\n')
        (self.directory / "csatwatch").chmod(0o755)
        path = os.pathsep.join([str(self.directory), *tools, os.environ["PATH"]])
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-euc",
            _BLOCKS[run],
            env={**os.environ, **self.settings, "PATH": path, "PYTHONPATH": str(ROOT)},
            cwd=self.directory,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    def told(self) -> list[str]:
        """The alert of each message in Slack."""
        payloads = [message.metadata["event_payload"] for message in self.slack.messages() if message.metadata]
        return sorted(payload["alert_id"] for payload in payloads)


@pytest.mark.runs("docs/backup.md", "backup", "restore")
@pytest.mark.slow  # half a minute
@pytest.mark.timeout(300)
async def test_after_a_restore_all_is_there_and_each_was_told_once(
    kafka: "KafkaServer", topic_prefix: str, postgres: str, databases: "Databases", slack: FakeSlack, tmp_path: Path
) -> None:
    site = _Installation(kafka, topic_prefix, postgres, slack, tmp_path)
    await site.command("topics", "create")
    csm = {"name": "Ana", "email": "ana@example.com"}
    accounts = [{"customer_id": each, "name": f"Account {each[:4]}", "csm": csm} for each in _CUSTOMERS]
    await site.command("customers", "import", "-", records=accounts)
    async with running(site.settings, tmp_path, "detect"):
        async with site.on(postgres):
            await site.rate(1)
            await _done(postgres, 1)
            await site.shell("backup")
            said = await site.refused("state", "rewind", "--to", _LONG_AGO)
            assert "csatwatch-deliver still run: stop store, deliver and web first" in said
            for number in (2, 3):
                await site.rate(number)
            await _done(postgres, 3)
        assert site.told() == await _alerts(postgres)
        await site.rate(4)  # while nobody delivers

        restored = with_database(databases.dsn, f"restored_{topic_prefix.strip('.')}")
        await _create(databases.dsn, restored)
        site.settings["CSATWATCH_POSTGRES_DSN"] = restored
        said = await site.shell("restore")
        assert "csatwatch-deliver on" in said
        assert await _states(restored) == {"done": 3}
        assert await _count(restored, "rewinds") == 1
        before = slack.messages()
        async with site.on(restored):
            await site.rate(5)
            await _done(restored, 5)
            assert await _count(restored, "support_satisfaction") == 5
    assert site.told() == await _alerts(restored)
    assert [message.ts for message in slack.messages()[: len(before)]] == [message.ts for message in before]
    for table in ("alerts", "tasks", "email_drafts"):
        assert await _count(restored, table) == 5


async def _create(server: str, dsn: str) -> None:
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f'CREATE DATABASE "{dsn.rpartition("/")[2]}"')
    finally:
        await connection.close()


async def _states(dsn: str) -> dict[str, int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("select state, count(*) as steps from deliveries group by state")
        return {row["state"]: row["steps"] for row in rows}
    finally:
        await connection.close()


async def _count(dsn: str, table: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval(f"select count(*) from {table}"))  # noqa: S608 (a name of this file's)
    finally:
        await connection.close()


async def _alerts(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [str(row["alert_id"]) for row in await connection.fetch("select alert_id from alerts order by alert_id")]
    finally:
        await connection.close()


async def _done(dsn: str, alerts: int) -> None:
    """Wait until the three steps of so many alerts are done."""

    async def all_done() -> bool:
        return await _states(dsn) == {"done": 3 * alerts}

    await until(all_done, what=f"{alerts} alerts delivered", within=90)
