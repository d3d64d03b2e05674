"""A company's own Kafka: TLS, SCRAM, three partitions, a prefix, and for each process just the rights that it needs."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from confluent_kafka.admin import AdminClient

from schemas.alert import Alert
from streams.access import PROCESSES, rights
from streams.topology import ALERTS, EVENTS, TOPICS, changelog
from tests.servers.processes import Csatwatch, Finished, csatwatch
from tests.servers.topics import Record, produce, read_all
from tests.servers.wait import until
from tests.signed_in import KEY

if TYPE_CHECKING:
    from tests.servers.fake_slack import FakeSlack
    from tests.servers.secure_kafka import SecureKafka

_PREFIX, _APP = "acme.support.", "acme-csatwatch"
_TOPICS = (*(topic.name for topic in TOPICS), changelog(_APP))
_CUSTOMER = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"


@pytest.fixture
async def company(tmp_path: Path) -> AsyncIterator["SecureKafka"]:
    """Its Kafka, on which nobody is allowed anything but by `rights`."""
    from tests.conftest import available
    from tests.servers.secure_kafka import SecureKafka

    with available():
        kafka = SecureKafka(tmp_path / "company", {name: f"{name}-password" for name in PROCESSES})
    await asyncio.to_thread(kafka.__enter__)
    try:
        for name in PROCESSES:
            await asyncio.to_thread(kafka.allow, name, rights(name, _APP, _PREFIX))
        yield kafka
    finally:
        await asyncio.to_thread(kafka.__exit__)


async def test_each_process_works_with_the_rights_that_are_listed(
    company: "SecureKafka", postgres: str, slack: "FakeSlack", tmp_path: Path
) -> None:
    def settings(user: str) -> Mapping[str, str]:
        return {
            **company.settings(user),
            "CSATWATCH_APP_ID": _APP,
            "CSATWATCH_TOPIC_PREFIX": _PREFIX,
            "CSATWATCH_PARTITIONS": "3",
            "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
            "CSATWATCH_POSTGRES_DSN": postgres,
            "CSATWATCH_SLACK_API_URL": slack.url,
            "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
            "CSATWATCH_SLACK_FALLBACK_CHANNEL": "C0ALERTS",
            "CSATWATCH_WEB_BIND": "127.0.0.1:0",
            "CSATWATCH_SESSION_KEY": KEY,
            "CSATWATCH_LOG_LEVEL": "DEBUG",
        }

    made = await csatwatch("topics", "create", settings=settings("topics"), directory=tmp_path)
    assert made.code == 0, made.stderr
    assert f"{_PREFIX}csat-events: created, 3 partitions" in made.stdout

    processes = [Csatwatch(name, settings(name), tmp_path) for name in ("detect", "store", "deliver", "web")]
    async with AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(process) for process in processes))
        said = await csatwatch(
            "publish", "-", settings=settings("publish"), directory=tmp_path, stdin=json.dumps(_rating("e1", "T-1"))
        )
        assert said.code == 0, said.stderr
        (message,) = await until(slack.messages, what="a message")
        assert "T-1" in json.dumps(message.blocks)
        await _put_back_a_dead_letter(
            company.bootstrap, partial(csatwatch, settings=settings("dead-letters"), directory=tmp_path)
        )
        erase = ("erase", "--customer", _CUSTOMER, "--yes")
        forgotten = await csatwatch(*erase, settings=settings("erase"), directory=tmp_path)
        assert forgotten.code == 0, forgotten.stderr

    logs = "".join(process.log for process in processes)
    assert [name for name in PROCESSES if f"{name}-password" in logs] == []
    # Nobody made a topic of its own accord.
    there = AdminClient({"bootstrap.servers": company.bootstrap}).list_topics(timeout=10).topics
    assert {name for name in there if not name.startswith("__")} == {_PREFIX + name for name in _TOPICS}
    alert, *_ = await read_all(company.bootstrap, _PREFIX + ALERTS)
    assert Alert.from_json(alert.value or b"").ticket.ticket_id == "T-1"
    grow = ("topics", "grow", "--partitions", "6", "--while-events-come")
    grown = await csatwatch(*grow, settings=settings("grow"), directory=tmp_path)
    assert grown.code == 0, grown.stderr
    assert f"{_PREFIX}csat-events: 3 → 6 partitions" in grown.stdout
    async with Csatwatch("detect", settings("detect"), tmp_path):
        pass


async def test_who_may_not_is_told_by_name(company: "SecureKafka", tmp_path: Path) -> None:
    settings = {**company.settings("store"), "CSATWATCH_APP_ID": _APP, "CSATWATCH_TOPIC_PREFIX": _PREFIX}
    refused = await csatwatch("topics", "create", settings=settings, directory=tmp_path)
    assert refused.code == 1
    assert "Authorization" in refused.stderr
    assert "store-password" not in refused.stderr
    assert "Traceback" not in refused.stderr


async def _put_back_a_dead_letter(bootstrap: str, command: Callable[..., Awaitable[Finished]]) -> None:
    wrong = json.dumps({**_rating("e2", "T-2"), "rating": 9}).encode()
    await produce(bootstrap, _PREFIX + EVENTS, [Record(value=wrong, key=_CUSTOMER.encode())])

    async def listed() -> bool:
        return "rating" in (await command("dead-letters", "list")).stdout

    await until(listed, what="a dead letter")
    replayed = await command("dead-letters", "replay", "--all")
    assert replayed.code == 0, replayed.stderr


def _rating(event: str, ticket: str) -> Mapping[str, object]:
    return {
        "event_type": "support_csat_received",
        "event_id": event,
        "customer_id": _CUSTOMER,
        "ticket_id": ticket,
        "rating": 1,
        "responded_at": datetime.now(UTC).isoformat(),
    }
