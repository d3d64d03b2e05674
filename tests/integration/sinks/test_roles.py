"""Each process works with the rights of its own role in Postgres, and what it must not do is refused there."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import pytest

from sinks.access import PROCESSES, tables
from sinks.postgres import queries
from tests.conftest import Broker
from tests.integration.sinks.planned import explain
from tests.servers.databases import Databases
from tests.servers.fake_slack import FakeSlack
from tests.servers.ports import free_ports
from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.wait import until
from tests.signed_in import KEY, OPERATOR, header

_ROOT = Path(__file__).parents[3]
_CUSTOMER = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
_FILES = {path.stem for path in (_ROOT / "sinks" / "sql").glob("*.sql")}
_OWNERS = {"store": "store", "erase": "store", "sources": "poll"}
"""Of the files that are not deliver's."""


@pytest.fixture
async def roles(databases: Databases, postgres: str, tmp_path: Path) -> AsyncIterator[Mapping[str, str]]:
    """The address of a migrated database, by process."""
    database = urlsplit(postgres).path.strip("/")
    names = {process: f"{database}_{process}" for process in PROCESSES}
    settings = {"CSATWATCH_POSTGRES_DSN": postgres}
    migrated = await csatwatch("database", "migrate", settings=settings, directory=tmp_path)
    assert (migrated.code, migrated.stdout) == (0, "0 migrations applied, the database is up to date\n")
    said = await csatwatch(
        "database", "grants", "--role", f"{database}_{{process}}", settings=settings, directory=tmp_path
    )
    assert said.code == 0, said.stderr
    owner = await asyncpg.connect(postgres)
    try:
        for _ in range(2):  # the second time nothing changes
            await owner.execute(said.stdout)
        for name in names.values():
            await owner.execute(f"alter role {name} password 'its own'")
        host = urlsplit(postgres).netloc.rpartition("@")[2]
        yield {
            process: urlsplit(postgres)._replace(netloc=f"{name}:its%20own@{host}").geturl()
            for process, name in names.items()
        }
        for name in names.values():
            await owner.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = $1", name)
            await owner.execute(f"drop owned by {name}; drop role {name}")
    finally:
        await owner.close()


async def test_every_table_is_somebodys(postgres: str) -> None:
    connection = await asyncpg.connect(postgres)
    found = await connection.fetch(
        "select table_name from information_schema.tables where table_schema = 'public' and table_name !~ '^pg_'"
    )
    await connection.close()
    assert {row[0] for row in found} == {name for process in PROCESSES for name in tables(process)}


def statements() -> list[tuple[str, str, str]]:
    """Process, name and text of every statement that there is."""
    found = [
        (process, f"{file}.{name}", text)
        for file in sorted(_FILES)
        for process in (_OWNERS.get(file, "deliver"),)
        for name, text in queries(file).items()
    ]
    web = sorted((_ROOT / "web" / "sql").glob("*.sql"))
    return found + [("web", path.stem, path.read_text(encoding="utf-8")) for path in web]


async def test_every_statement_of_a_process_is_allowed_to_its_role(roles: Mapping[str, str]) -> None:
    for process, dsn in roles.items():
        connection = await asyncpg.connect(dsn)
        try:
            for owner, name, text in statements():
                if owner == process:
                    await explain(connection, name, text)
        finally:
            await connection.close()


_REFUSED = {
    "web": (
        "insert into customers (customer_id) values (gen_random_uuid())",
        "update alerts set status = 'resolved'",
        "delete from deliveries",
        "select * from erased_people",
        "truncate actions",
    ),
    "store": (
        "insert into alerts select * from alerts",
        "insert into deliveries select * from deliveries",
        "delete from support_satisfaction",
        "delete from customers",
        "update trends set record = '{}'",
        "update migrations set checksum = ''",
    ),
    "deliver": (
        "delete from alerts",
        "delete from deliveries",
        "update erased_people set erased_at = now()",
        "insert into migrations (number, name, checksum) values (99, '', '')",
    ),
    "poll": (
        "select * from alerts",
        "update customers set name = ''",
        "delete from source_polls",
    ),
}
_REFUSED_TO_ALL = ("create table mine (id int)", "drop table outcomes", "alter table alerts disable trigger user")


async def test_what_a_process_must_not_do_is_refused(roles: Mapping[str, str]) -> None:
    for process, dsn in roles.items():
        connection = await asyncpg.connect(dsn)
        try:
            for statement in (*_REFUSED[process], *_REFUSED_TO_ALL):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
async def test_the_processes_run_as_their_roles(
    broker: Broker, topic_prefix: str, roles: Mapping[str, str], slack: FakeSlack, tmp_path: Path
) -> None:
    (pages,) = free_ports(1)
    settings = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "2",
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_SLACK_API_URL": slack.url,
        "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
        "CSATWATCH_SLACK_FALLBACK_CHANNEL": "C0ALERTS",
        "CSATWATCH_WEB_BIND": f"127.0.0.1:{pages}",
        "CSATWATCH_SESSION_KEY": KEY,
    }

    def of(process: str) -> dict[str, str]:
        return settings | {"CSATWATCH_POSTGRES_DSN": roles.get(process, "postgresql://nobody@127.0.0.1:1/none")}

    made = await csatwatch("topics", "create", settings=of("nobody"), directory=tmp_path)
    assert made.code == 0, made.stderr
    processes = [Csatwatch(name, of(name), tmp_path) for name in ("detect", "store", "deliver", "web")]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(process) for process in processes))
        for command, record in ((("customers", "import", "-"), _ACCOUNT), (("publish", "-"), _rating(1))):
            said = await csatwatch(*command, settings=of("nobody"), directory=tmp_path, stdin=json.dumps(record) + "\n")
            assert said.code == 0, said.stderr
        (message,) = await until(slack.messages, what="a message")
        assert "GlobalTech" in json.dumps(message.blocks)
        later = await csatwatch("publish", "-", settings=of("nobody"), directory=tmp_path, stdin=json.dumps(_rating(2)))
        assert later.code == 0, later.stderr
        store = await asyncpg.connect(roles["store"])
        stack.push_async_callback(store.close)

        async def revised() -> bool:
            rows = await store.fetch("select rating from support_satisfaction where csm_notified")
            trends = await store.fetchval("select count(*) from trends")
            return [row[0] for row in rows] == [2] and trends == 1

        await until(revised, what="the rows of store and of deliver")
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=header(OPERATOR)))
        async with http.get(f"http://127.0.0.1:{pages}/") as page:
            assert page.status == 200
            assert "GlobalTech" in await page.text()
        erased = await csatwatch("erase", "--customer", _CUSTOMER, "--yes", settings=of("store"), directory=tmp_path)
        assert erased.code == 0, erased.stderr
        assert [process.log for process in processes if "InsufficientPrivilege" in process.log] == []


_ACCOUNT = {
    "customer_id": _CUSTOMER,
    "name": "GlobalTech",
    "csm": {"name": "Ana", "email": "ana@example.com"},
}


def _rating(rating: int) -> Mapping[str, object]:
    return {
        "event_type": "support_csat_received",
        "event_id": f"e-{rating}",
        "customer_id": _CUSTOMER,
        "ticket_id": "T-1",
        "rating": rating,
        "feedback": "took too long",
        "responded_at": datetime.now(UTC).isoformat(),
    }
