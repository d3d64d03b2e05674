"""Survey tools' answers with the real processes: a webhook becomes an alert, one of nobody known waits until it is."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest
from click.testing import CliRunner

from agents.cli import program
from agents.dead_letters import REPLAYED
from schemas.event import CsatReceived
from streams.topology import ALERTS, DEAD_LETTERS, EVENTS
from tests.servers.metrics import metric
from tests.servers.ports import free_ports
from tests.servers.processes import Csatwatch, running
from tests.servers.topics import Stored, read_all
from tests.servers.wait import until
from tests.sources import CUSTOMER, EXAMPLES, SECRETS, body, signed

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

WORDS = "my own words"


@dataclass(frozen=True, slots=True)
class House:
    """An installation on a real Kafka.

    Attributes:
        settings: of its processes.
        url: of its pages.
    """

    kafka: "KafkaServer"
    prefix: str
    settings: dict[str, str]
    url: str
    directory: Path
    database: asyncpg.Connection

    async def read(self, topic: str) -> list[Stored]:
        return await read_all(self.kafka.bootstrap, self.prefix + topic)

    async def events(self) -> list[CsatReceived]:
        return [CsatReceived.from_json(record.value or b"") for record in await self.read(EVENTS)]

    async def run(self, *arguments: str, code: int = 0, stdin: str = "") -> str:
        """A command, in a thread of this process: a process of its own takes two seconds to start."""
        runner = CliRunner(env=self.settings)
        done = await asyncio.to_thread(runner.invoke, program, arguments, input=stdin, prog_name="csatwatch")
        assert done.exit_code == code, (done.output, done.exception)
        assert WORDS not in done.output
        return done.output

    async def post(self, source: str, said: Any) -> int:
        sent = json.dumps(said).encode()
        headers = signed(source, sent, datetime.now(UTC))
        async with (
            aiohttp.ClientSession() as http,
            http.post(f"{self.url}/sources/{source}", data=sent, headers=headers) as answer,
        ):
            return answer.status

    async def account(self, customer: str = CUSTOMER, email: str = "buyer@globaltech.example") -> None:
        record = {"customer_id": customer, "name": "GlobalTech", "primary_contact": {"email": email}}
        await self.database.execute(
            "insert into customers (customer_id, name, record) values ($1, 'GlobalTech', $2::jsonb)",
            customer,
            json.dumps(record),
        )


@pytest.fixture
async def house(kafka: "KafkaServer", topic_prefix: str, postgres: str, tmp_path: Path) -> AsyncIterator[House]:
    (port,) = free_ports(1)
    settings = {
        "CSATWATCH_KAFKA_URL": kafka.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "1",
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_WEB_BIND": f"127.0.0.1:{port}",
        **{f"CSATWATCH_SOURCE_{name.upper()}_SECRET": secret for name, secret in SECRETS.items()},
    }
    database = await asyncpg.connect(postgres)
    try:
        made = House(kafka, topic_prefix, settings, f"http://127.0.0.1:{port}", tmp_path, database)
        await made.run("topics", "create")
        yield made
    finally:
        await database.close()


def _zendesk(**more: Any) -> Any:
    now = datetime.now(UTC).isoformat()
    return body("zendesk", "webhook") | {"rated_at": now, "comment": WORDS} | more


async def test_a_webhook_becomes_an_alert(house: House) -> None:
    async with running(house.settings, house.directory, "web", "detect") as (web, detect):
        said = _zendesk()
        assert await house.post("zendesk", said) == 204

        async def alerts() -> list[Any]:
            return [json.loads(record.value or b"") for record in await house.read(ALERTS)]

        (alert,) = await until(alerts, what="the alert of the webhook's rating")
        assert (alert["customer_id"], alert["rating"], alert["status"]) == (CUSTOMER, 1, "firing")
        assert (alert["ticket"]["ticket_id"], alert["feedback"]) == ("35436", WORDS)

        assert await house.post("zendesk", said) == 204, "sent again"
        assert await house.post("zendesk", _zendesk(score="good")) == 204, "the customer changed their mind"

        async def retracted() -> bool:
            return [each["status"] for each in await alerts()] == ["firing", "retracted"]

        await until(retracted, what="the alert is taken back, once")
        shown = await web.metrics()
    events = await house.events()
    assert [(each.rating, each.rating_raw, each.scale) for each in events] == [
        (1, "bad", "2-point"),
        (1, "bad", "2-point"),
        (5, "good", "2-point"),
    ]
    assert len({each.survey for each in events}) == 1
    assert len({each.event_id for each in events}) == 2
    (first, *_) = await house.read(EVENTS)
    assert first.header("ce_source") == b"/csatwatch/sources/zendesk"
    assert metric(shown, "csatwatch_source_answers_total", source="zendesk", result="published") == 3
    assert WORDS not in web.log + detect.log + shown
    assert all(secret not in web.log for secret in SECRETS.values())


async def test_an_answer_of_nobody_known_waits_until_it_is_known(house: House) -> None:
    unknown = _zendesk(organization={"external_id": ""})
    async with Csatwatch("web", house.settings, house.directory) as web:
        assert await house.post("zendesk", unknown) == 202
        assert await house.post("zendesk", unknown) == 202, "it comes again"
        assert await house.post("zendesk", _zendesk(organization={}, ticket={"id": "9"}, requester={})) == 202
        assert WORDS not in web.log
    assert await house.events() == []
    listed = [json.loads(line) for line in (await house.run("dead-letters", "list", "--json")).splitlines()]
    assert {each["error"] for each in listed} == {"unresolved_customer"}
    assert len(listed) == 2, "the one that came twice is one"
    named = next(each for each in listed if "ticket 35436: no account" in each["message"])
    bare = next(each for each in listed if each is not named)
    assert "domain globaltech.example: no account" in named["message"]
    assert "no address of a company's domain" in bare["message"]
    assert "source zendesk" in await house.run("dead-letters", "list")

    said = await house.run("dead-letters", "replay", "--all", code=1)
    assert "ticket 9: no account" in said or "ticket 35436: no account" in said
    await house.account()
    said = await house.run("dead-letters", "replay", "--all")
    assert "replayed 1" in said
    assert f"still not known whose it is: {bare['id']}" in said
    (event,) = await house.events()
    assert (event.customer_id, event.ticket_id, event.feedback) == (CUSTOMER, "35436", WORDS)

    other = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
    assert "must be a UUID" in await house.run("dead-letters", "replay", bare["id"], "--customer", "ACME", code=2)
    assert "are named" in await house.run("dead-letters", "replay", "--all", "--customer", other, code=2)
    await house.run("dead-letters", "replay", bare["id"], "--customer", other.upper())
    (record,) = [each for each in await house.read(EVENTS) if each.key == other.encode()]
    assert CsatReceived.from_json(record.value or b"").ticket_id == "9"
    assert record.header("ce_source") == b"/csatwatch/sources/zendesk"
    assert record.header(REPLAYED) == bare["id"].encode()
    assert record.header("csatwatch-error") is None
    assert "no dead letters" in await house.run("dead-letters", "list")


async def test_an_answer_is_of_whom_its_ticket_and_address_lead_to(house: House) -> None:
    other = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
    await house.account()
    await house.account(other, "boss@gmail.com")
    await house.database.execute("insert into tickets (customer_id, ticket_id) values ($1, 'T-7')", other)
    cases = {
        "domain": ({"id": "1"}, {"email": "Rosa@GlobalTech.example"}, CUSTOMER),
        "ticket": ({"id": "T-7"}, {}, other),
        "contact": ({"id": "2"}, {"email": "BOSS@gmail.com"}, other),
        "a provider's domain is nobody's": ({"id": "3"}, {"email": "somebody@gmail.com"}, None),
        "two accounts": ({"id": "T-7"}, {"email": "buyer@globaltech.example"}, None),
    }
    async with Csatwatch("web", house.settings, house.directory):
        for name, (ticket, requester, customer) in cases.items():
            status = await house.post("zendesk", _zendesk(organization={}, ticket=ticket, requester=requester))
            assert status == (202 if customer is None else 204), name
    found = {each.ticket_id: each.customer_id for each in await house.events()}
    assert found == {"1": CUSTOMER, "T-7": other, "2": other}
    assert len(await house.read(DEAD_LETTERS)) == 2


async def test_kafka_away_means_that_the_sender_comes_again(postgres: str, tmp_path: Path) -> None:
    (port, web) = free_ports(2)
    settings = {
        "CSATWATCH_KAFKA_URL": f"kafka://127.0.0.1:{port}",
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_WEB_BIND": f"127.0.0.1:{web}",
        "CSATWATCH_SOURCE_ZENDESK_SECRET": SECRETS["zendesk"],
    }
    sent = json.dumps(_zendesk()).encode()
    async with Csatwatch("web", settings, tmp_path) as process, aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{web}/sources/zendesk"
        async with http.post(url, data=sent, headers=signed("zendesk", sent, datetime.now(UTC))) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        assert WORDS not in process.log
        assert metric(await process.metrics(), "csatwatch_source_answers_total", source="zendesk", result="away") == 1


async def test_exports_are_published_as_webhooks_are(house: House) -> None:
    zendesk = str(EXAMPLES / "zendesk.csv")
    assert "published 1 events" in await house.run("publish", "--format", "zendesk", zendesk)
    for name in ("chatwoot_record.json", "formbricks_record.json", "intercom_record.json"):
        source = name.partition("_")[0]
        assert "published 1 events" in await house.run("publish", "--format", source, str(EXAMPLES / name))
    lines = "\n".join(json.dumps(each) for each in body("freshdesk", "record"))
    said = await house.run("publish", "--format", "freshdesk", "--backfill", "-", stdin=lines)
    assert "published 0 events" in said
    assert "2 more wait for their customer to be known" in said
    events = await house.events()
    assert sorted(each.survey for each in events) == [
        "chatwoot-5531",
        "formbricks-cljwy2m8r0001qhclco1godnu",
        "intercom-147",
        "zendesk-35436",
    ]
    waiting = await house.read(DEAD_LETTERS)
    assert {each.header("csatwatch-backfill") for each in waiting} == {b"1"}
    await house.account(email="x@globaltech.example")
    await house.run("dead-letters", "replay", "--error", "unresolved_customer", code=1)
    letter = json.loads((await house.run("dead-letters", "list", "--json")).splitlines()[0])
    await house.run("dead-letters", "replay", letter["id"], "--customer", CUSTOMER)
    (silent,) = [each for each in await house.read(EVENTS) if each.header(REPLAYED)]
    assert silent.header("csatwatch-backfill") == b"1", "history stays silent"

    bad = await house.run("publish", "--format", "chatwoot", str(EXAMPLES / "zendesk_record.json"), code=2)
    assert "zendesk_record.json:1: response is missing: nothing usable stands at message_id" in bad
    assert "it must be jsonl, csv or a source: chatwoot" in await house.run("publish", "--format", "x", zendesk, code=2)


async def test_whose_an_answer_is_is_found_by_indexes_alone(postgres: str) -> None:
    sql = (files("web") / "sql" / "answer_traces.sql").read_text(encoding="utf-8")
    database = await asyncpg.connect(postgres)
    try:
        await database.execute("set enable_seqscan = off")
        await database.execute("prepare traces (text, text, text) as " + sql)
        rows = await database.fetch("explain execute traces ('T-1', 'rosa@globaltech.example', 'globaltech.example')")
    finally:
        await database.close()
    plan = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in plan
    for index in ("tickets_by_number", "customers_by_contact", "customers_by_domain", "satisfaction_by_contact"):
        assert index in plan
