"""How long from the broker's append of an alert to the message in Slack?"""

import asyncio
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import click
import msgspec

from agents.embedded.postgres import embedded_postgres
from bench import machine, report
from bench.broker import Broker
from bench.feed import producer
from schemas.alert import Alert
from schemas.customer import Person
from streams.topology import ACTIONS, ALERTS, TRENDS
from tests.alerts import CUSTOMER, TICKET, alert
from tests.servers.fake_slack import FakeSlack
from tests.servers.processes import Csatwatch
from tests.servers.wait import until

ABOUT = """Alerts at an even rate, each for a CSM of its own; from the broker's append of the alert to the
arrival of the message at a stand-in for Slack that answers at once, in milliseconds. One `csatwatch deliver`, which
writes the alert, a task and a draft to Postgres as well; nothing is throttled."""

_PARTITIONS = 8
_WARM = 50  # alerts before those that are measured
_WITHIN = 120.0  # seconds


class _Named(msgspec.Struct):
    alert_id: str


def measure(broker: Broker, *, rates: tuple[int, ...], alerts: int) -> str:
    """The section for docs/benchmarks.md."""
    rows = []
    for rate in rates:
        shown = report.spread(asyncio.run(_run(broker, rate, alerts)), 50, 99)
        click.echo(f"{rate} alerts/s: {report.told(shown)}")
        rows.append({"alerts/s": str(rate)} | shown)
    about = f"{ABOUT} {alerts:,} alerts each."
    return report.section("Delivery", about, [report.table(rows)], machine.versions())


async def _run(broker: Broker, rate: int, alerts: int) -> list[float]:
    """Milliseconds of each alert that is measured. Raises AssertionError where one does not arrive."""
    prefix = f"delivery{time.time_ns():x}-"
    for topic in (ALERTS, ACTIONS, TRENDS):
        broker.create(prefix + topic, _PARTITIONS)
    drawn = [_alert(number) for number in range(_WARM + alerts)]
    users = {csm.email: f"U{number:05}" for number, each in enumerate(drawn) if (csm := each.csm)}
    try:
        async with AsyncExitStack() as stack:
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="csatwatch-bench-")))
            slack = stack.enter_context(FakeSlack(users))
            dsn = await stack.enter_async_context(embedded_postgres(directory))
            settings = _settings(broker, prefix, dsn, slack)
            await stack.enter_async_context(Csatwatch("deliver", settings, directory))
            sending = producer(broker.bootstrap, linger_ms=0)
            begin = time.monotonic()
            for number, each in enumerate(drawn):
                await asyncio.sleep(max(begin + number / rate - time.monotonic(), 0))
                sending.produce(prefix + ALERTS, key=each.customer_id.encode(), value=each.to_json())
                sending.poll(0)
            await asyncio.to_thread(sending.flush)
            await until(lambda: len(slack.messages()) >= len(drawn), what="all messages", within=_WITHIN)
            came = _came(slack)
        went = {
            msgspec.json.decode(each.value() or b"", type=_Named).alert_id: each.timestamp()[1]
            for each in broker.read(prefix + ALERTS, dict.fromkeys(range(_PARTITIONS), 0))
        }
    finally:
        broker.delete(prefix)
    return [came[str(each.alert_id)] - went[str(each.alert_id)] for each in drawn[_WARM:]]


def _alert(number: int) -> Alert:
    customer = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    csm = Person(name=f"Csm {number}", email=f"csm{number}@example.com")
    account = CUSTOMER.model_copy(update={"csm": csm, "customer_id": customer})
    ticket = TICKET.model_copy(update={"ticket_id": f"T{number}"})
    return alert(response=f"r{number}", customer=account, ticket=ticket).model_copy(update={"customer_id": customer})


def _settings(broker: Broker, prefix: str, dsn: str, slack: FakeSlack) -> Mapping[str, str]:
    return {
        "CSATWATCH_KAFKA_URL": f"kafka://{broker.bootstrap}",
        "CSATWATCH_TOPIC_PREFIX": prefix,
        "CSATWATCH_APP_ID": f"{prefix}app",
        "CSATWATCH_PARTITIONS": str(_PARTITIONS),
        "CSATWATCH_POSTGRES_DSN": dsn,
        "CSATWATCH_STATE_DIR": "state",
        "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
        "CSATWATCH_SLACK_API_URL": slack.url,
    }


def _came(slack: FakeSlack) -> dict[str, float]:
    """When each alert's message arrived, in milliseconds since 1970."""
    return {
        call.arguments["metadata"]["event_payload"]["alert_id"]: call.at.timestamp() * 1000
        for call in slack.calls("chat.postMessage")
        if call.outcome == "ok"
    }
