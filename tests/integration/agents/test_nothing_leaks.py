"""Secrets and customers' words, planted all over, are in no log, metric or error, at the most talkative level."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from schemas.action import ActionKind
from sinks.postgres import connect
from streams.topology import DEAD_LETTERS, EVENTS
from tests.conftest import Broker
from tests.integration.slack.house import ANA, SECRET, House
from tests.servers import fake_jira, mail
from tests.servers.fake_jira import FakeJira
from tests.servers.fake_slack import APP_TOKEN, FakeSlack
from tests.servers.mail import MailServer
from tests.servers.ports import free_ports
from tests.servers.processes import csatwatch
from tests.servers.slack_faults import Fault, Kind
from tests.servers.topics import Record, produce, read_all
from tests.servers.wait import until

CUSTOMER = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
WORDS = {
    "name": "Plantedname Incorporated",
    "csm": "Plantedcsm Diaz",
    "contact": "Plantedcontact Lee",
    "email": "planted.contact@globaltech.example",
    "subject": "plantedsubject of the ticket",
    "category": "plantedcategory",
    "feedback": "plantedfeedback, word for word",
    "assignee": "Plantedassignee",
    "note": "plantednote of a person",
    "poison": "plantedpoison",
}
BOT_TOKEN = "xoxb-planted-bot-token"
SESSION_KEY = "planted-session-key-of-the-pages-0123456789"


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=2) as connected:
        yield connected


@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
@pytest.mark.timeout(300)
async def test_a_whole_run_says_nothing(
    broker: Broker, topic_prefix: str, postgres: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        channels = {"C0SUPPORT": "support", "C0FALLBACK": "fallback"}
        slack = stack.enter_context(FakeSlack({"ana@example.com": ANA}, channels, token=BOT_TOKEN))
        letters = stack.enter_context(MailServer(tmp_path).running())
        jira = FakeJira()
        await stack.enter_async_context(jira.running())
        (port,) = free_ports(1)
        settings = {
            "CSATWATCH_KAFKA_URL": broker.url,
            "CSATWATCH_TOPIC_PREFIX": topic_prefix,
            "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
            "CSATWATCH_PARTITIONS": "2",
            "CSATWATCH_POSTGRES_DSN": postgres,
            "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
            "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
            "CSATWATCH_SLACK_APP_TOKEN": APP_TOKEN,
            "CSATWATCH_SLACK_SIGNING_SECRET": SECRET,
            "CSATWATCH_SLACK_API_URL": slack.url,
            "CSATWATCH_SLACK_TIMEOUT_SECONDS": "1",
            "CSATWATCH_SLACK_FALLBACK_CHANNEL": "C0FALLBACK",
            "CSATWATCH_SMTP_TIMEOUT_SECONDS": "1",
            "CSATWATCH_TASKS_SYSTEM": "jira",
            "CSATWATCH_TASKS_URL": jira.url,
            "CSATWATCH_TASKS_USER": fake_jira.USER,
            "CSATWATCH_TASKS_TOKEN": fake_jira.TOKEN,
            "CSATWATCH_TASKS_PROJECT": fake_jira.PROJECT,
            "CSATWATCH_WEB_BIND": f"127.0.0.1:{port}",
            "CSATWATCH_SESSION_KEY": SESSION_KEY,
            "CSATWATCH_LOG_LEVEL": "DEBUG",
            **letters.settings,
        }
        house = House(broker, topic_prefix, pool, slack, letters, settings, tmp_path, f"http://127.0.0.1:{port}")
        said = [await _command(house, "topics", "create"), await _import(house)]
        processes = [house.process(name) for name in ("detect", "store", "deliver", "web")]
        for process in processes:
            await stack.enter_async_context(process)
        slack.faults.next("chat.postMessage", Fault(Kind.LOST))
        slack.faults.next("chat.postMessage", Fault(Kind.REFUSED, error="fatal_error"))
        letters.box.refused[WORDS["email"]] = f"550 5.1.1 <{WORDS['email']}>: {WORDS['name']} is not here"
        jira.refused = {"duedate"}
        await _publish(house)
        await _act(house)
        await until(lambda: _errors(pool), what="something failed")
        letters_there = await until(lambda: _dead_letters(house), what="dead letters")
        said += [await process.metrics() for process in processes]
        said += [*await _errors(pool), *letters_there]
    said += [process.log for process in processes]
    secrets = {
        "bot token": BOT_TOKEN,
        "app token": APP_TOKEN,
        "signing secret": SECRET,
        "session key": SESSION_KEY,
        "jira token": fake_jira.TOKEN,
        "mail password": mail.PASSWORD,
        "mail password, quoted": urlsplit(letters.url).password,
        "database password": urlsplit(postgres).password,
    }
    found = {
        f"{what} in {text[max(text.lower().find(planted.lower()) - 200, 0) :][:260]!r}"
        for what, planted in (WORDS | secrets).items()
        for text in said
        if planted and planted.lower() in text.lower()
    }
    assert found == set()
    # It was all there to be said, and something was said.
    assert all(secrets.values())
    assert sum(len(process.log) for process in processes) > 10_000
    assert WORDS["feedback"] in str([each.blocks for each in slack.messages()])
    assert len(jira.issues) == 1


async def _command(house: House, *arguments: str) -> str:
    done = await csatwatch(*arguments, settings=house.settings, directory=house.directory)
    assert done.code == 0, done.stderr
    return str(done.stderr)


async def _import(house: House) -> str:
    file = house.directory / "customers.csv"
    file.write_text(
        "customer_id,name,arr,currency,csm.name,csm.email,support_channel,primary_contact.name,primary_contact.email\n"
        f"{CUSTOMER},{WORDS['name']},175000,USD,{WORDS['csm']},ana@example.com,C0SUPPORT,"
        f"{WORDS['contact']},{WORDS['email']}\n"
    )
    return await _command(house, "customers", "import", str(file))


async def _publish(house: House) -> None:
    """A poor rating, and what is none: each with customers' words in it."""
    rating = {
        "event_type": "support_csat_received",
        "event_id": "e1",
        "customer_id": CUSTOMER,
        "ticket_id": "T-1",
        "ticket_subject": WORDS["subject"],
        "ticket_category": WORDS["category"],
        "assignee": WORDS["assignee"],
        "feedback": WORDS["feedback"],
        "rating": 1,
        "contact": {"name": WORDS["contact"], "email": WORDS["email"]},
        "responded_at": datetime.now(UTC).isoformat(),
    }
    poison = (
        b'{"feedback": "' + WORDS["poison"].encode(),  # no JSON
        json.dumps(rating | {"feedback": WORDS["poison"] * 2_000}).encode(),  # too long
        json.dumps(rating | {"ticket_subject": {WORDS["poison"]: 1}}).encode(),
        json.dumps(rating | {"contact": {"name": [WORDS["poison"]]}}).encode(),
        json.dumps(rating | {"contact": {"email": f"{WORDS['poison']} at example.com"}}).encode(),
        WORDS["poison"].encode("utf-16"),
    )
    records = [Record(key=CUSTOMER.encode(), value=value) for value in (json.dumps(rating).encode(), *poison)]
    await produce(house.broker.bootstrap, house.prefix + EVENTS, records)


async def _act(house: House) -> None:
    """Use the buttons: the e-mail is refused by its recipient's server."""
    await until(lambda: house.pool.fetchval("select count(*) from email_drafts"), what="a draft")
    view = await house.form("Send Follow-Up Email")
    await house.submit(view, body=WORDS["note"])
    await house.stored(ActionKind.EMAIL_FAILED)
    await house.click("Coordinate with Support")
    await house.stored(ActionKind.COORDINATED)
    await house.submit(await house.form("Not Useful"), useful="no", note=WORDS["note"])
    await house.stored(ActionKind.NOT_USEFUL)


async def _errors(pool: asyncpg.Pool) -> list[str]:
    return [row["error"] for row in await pool.fetch("select error from deliveries where error is not null")]


async def _dead_letters(house: House) -> list[str]:
    """What is said of the dead letters, beside the originals."""
    found = await read_all(house.broker.bootstrap, house.prefix + DEAD_LETTERS)
    return [str(each.headers) for each in found] if len(found) == 6 else []
