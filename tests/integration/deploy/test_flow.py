"""The flow of docker-compose.yml without an engine: Kafka's properties, commands, settings, health checks."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import asyncpg
import jsonschema
import pytest

from schemas.export import schema
from tests.integration.deploy.compose import OURS, SERVICES, kafka_properties, queries
from tests.servers.databases import with_database
from tests.servers.ports import free_ports
from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.wait import until
from tests.signed_in import CSRF, KEY, OPERATOR, header

if TYPE_CHECKING:
    from tests.servers.databases import Databases
    from tests.servers.fake_slack import FakeSlack
    from tests.servers.kafka import KafkaServer

_PROCESSES = ("detect", "store", "deliver", "web")
_CUSTOMER = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


@pytest.fixture
def compose_kafka(kafka: "KafkaServer", tmp_path: Path) -> Iterator["KafkaServer"]:
    """A broker with the properties of the compose file, on ports of its own."""
    from tests.servers.kafka import KafkaServer

    inside, host, controller = free_ports(3)
    properties = kafka_properties()
    del properties["log.dirs"]
    listeners = f"INSIDE://127.0.0.1:{inside},HOST://127.0.0.1:{host}"
    server = KafkaServer(
        tmp_path / "kafka",
        {
            **properties,
            "listeners": f"{listeners},CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": listeners,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        },
    )
    server.port = inside
    with server:
        yield server


@pytest.fixture
async def empty_database(databases: "Databases") -> AsyncIterator[str]:
    """The DSN of a database without a table, as the Postgres service makes it."""
    connection = await asyncpg.connect(databases.dsn)
    try:
        await connection.execute("CREATE DATABASE compose_flow")
        yield with_database(databases.dsn, "compose_flow")
        await connection.execute("DROP DATABASE compose_flow WITH (FORCE)")
    finally:
        await connection.close()


async def test_a_rating_ends_in_a_slack_message(
    compose_kafka: "KafkaServer", empty_database: str, slack: "FakeSlack", tmp_path: Path
) -> None:
    from tests.servers.topics import read_all

    secrets = _secrets(tmp_path, postgres_dsn=empty_database, slack_bot_token=f"{slack.token}\n")
    (pages,) = free_ports(1)
    # What differs from the compose file: where things are.
    here = {
        "CSATWATCH_KAFKA_URL": compose_kafka.url,
        **secrets,
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_WEB_BIND": f"127.0.0.1:{pages}",
        "CSATWATCH_SLACK_API_URL": slack.url,
        "CSATWATCH_SESSION_KEY": KEY,
    }
    settings = {name: {**OURS[name]["environment"], **here} for name in OURS}
    work = tmp_path / "work"
    work.mkdir()

    done = await csatwatch(*OURS["setup"]["command"], settings=settings["setup"], directory=work)
    assert done.code == 0, done.stderr

    processes = {name: Csatwatch(OURS[name]["command"][0], settings[name], work) for name in _PROCESSES}
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(process) for process in processes.values()))
        for name, process in processes.items():
            assert await _health_check(name, process) == 0

        await _say(settings["setup"], work)
        (message,) = await until(slack.messages, what="a message")
        assert "GlobalTech" in json.dumps(message.blocks)

        for topic in ("alerts", "csat-trends", "csat-events", "customers"):
            (record,) = await until(partial(read_all, compose_kafka.bootstrap, topic), what=f"a record of {topic}")
            assert record.key == _CUSTOMER.encode()
            jsonschema.validate(json.loads(record.value or b""), schema(topic), cls=jsonschema.Draft202012Validator)
        operator = aiohttp.ClientSession(headers=header(OPERATOR))
        async with operator as http, http.get(f"http://127.0.0.1:{pages}/") as page:
            assert page.status == 200
            assert "GlobalTech" in await page.text()
        (record,) = await read_all(compose_kafka.bootstrap, "alerts")
        alert_id = json.loads(record.value or b"")["alert_id"]
        await _acknowledge(f"http://127.0.0.1:{pages}/alerts/{alert_id}/acknowledge")
        await until(partial(_told, processes, alert_id), what="its story in the logs")
        for name, topic in (("detect", "csat-events"), ("store", "csat-events"), ("deliver", "alerts")):
            line = f'csatwatch_lag_records{{role="{name}",topic="{topic}"}} 0.0'
            await until(partial(_shows, processes[name], line), what=f"{name} up to date")
        scraped = "".join([await process.metrics() for process in processes.values()])
        shown = {name for query in queries() for name in re.findall(r"\bcsatwatch_[a-z_]+", query)}
        assert {name for name in shown if not re.search(rf"^(# HELP )?{_family(name)}", scraped, re.MULTILINE)} == set()

    # The containers' file systems cannot be written to: beside logs here, only the detector's state is left.
    assert not [path.name for path in work.iterdir() if path.suffix != ".log"]
    assert [path.name for path in (tmp_path / "state").glob("*/*")] == ["csatwatch-detect"]


async def test_without_its_servers_the_health_check_fails(tmp_path: Path) -> None:
    kafka, postgres = free_ports(2)
    settings = {
        **OURS["store"]["environment"],
        "CSATWATCH_KAFKA_URL": f"kafka://127.0.0.1:{kafka}",
        "CSATWATCH_POSTGRES_DSN": f"postgresql://csatwatch@127.0.0.1:{postgres}/csatwatch",
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        **_secrets(tmp_path),
    }
    del settings["CSATWATCH_POSTGRES_DSN_FILE"]
    store = Csatwatch("store", settings, tmp_path).start()
    try:
        await until(lambda: _alive(store), what="/livez")
        assert await _health_check("store", store) == 1
        assert await store.terminate() == 0
    finally:
        store.kill()


def _secrets(directory: Path, **known: str) -> dict[str, str]:
    """A file for each secret that the compose file names, as deploy/prepare makes it; settings that point there."""
    found = {}
    for name, value in OURS["deliver"]["environment"].items():
        if name.endswith("_FILE"):
            file = directory / Path(value).name
            file.write_text(known.get(file.name, ""))
            found[name] = str(file)
    return found


async def _acknowledge(address: str) -> None:
    form = {"csrf": CSRF, "form_id": "5c6f0c0e-7f0e-4d5b-9d39-1f1d5a1f2a10"}
    async with (
        aiohttp.ClientSession(headers=header(OPERATOR)) as http,
        http.post(address, data=form, allow_redirects=False) as answer,
    ):
        assert answer.status == 303, await answer.text()


def _told(processes: Mapping[str, Csatwatch], alert_id: str) -> bool:
    """Whether a search for the alert's id finds all that became of it; no line on a step is without the id."""
    lines = {
        name: [json.loads(line) for line in process.log.rpartition("\n")[0].splitlines()]
        for name, process in processes.items()
    }
    assert not [line for line in lines["deliver"] if "step" in line and alert_id not in json.dumps(line)]
    story = {(name, line["event"], line.get("sink")) for name in lines for line in lines[name] if alert_id in str(line)}
    return story >= {
        ("detect", "alert published", None),
        ("deliver", "alert read", None),
        ("deliver", "delivered", "slack"),
        ("deliver", "delivered", "tasks"),
        ("deliver", "delivered", "email"),
        ("web", "action recorded", None),
    }


async def _alive(process: Csatwatch) -> bool:
    return await process.get("/livez") == 200


def _family(metric: str) -> str:
    # A metric that has counted nothing yet has its name in a comment only.
    return re.sub(r"_(bucket|count|sum)$", "", metric)


async def _shows(process: Csatwatch, line: str) -> bool:
    return line in (await process.metrics()).splitlines()


async def _health_check(name: str, process: Csatwatch) -> int:
    """The exit code of the service's own health check, asked of this process."""
    program, *arguments = SERVICES[name]["healthcheck"]["test"][1:]
    assert program == "python"
    arguments = [each.replace("http://127.0.0.1:9100", process.metrics_url) for each in arguments]
    assert any(process.metrics_url in each for each in arguments)
    checking = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    return await checking.wait()


async def _say(settings: dict[str, str], work: Path) -> None:
    account = {
        "customer_id": _CUSTOMER,
        "name": "GlobalTech",
        "arr": 175_000,
        "currency": "USD",
        "csm": {"name": "Ana", "email": "ana@example.com"},
    }
    rating = {
        "event_type": "support_csat_received",
        "event_id": "e-1",
        "customer_id": _CUSTOMER,
        "ticket_id": "TKT-1",
        "rating": 1,
        "responded_at": datetime.now(UTC).isoformat(),
    }
    for command, record in ((("customers", "import", "-"), account), (("publish", "-"), rating)):
        done = await csatwatch(*command, settings=settings, directory=work, stdin=json.dumps(record) + "\n")
        assert done.code == 0, done.stderr
