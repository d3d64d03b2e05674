"""Delivery under faults: Slack fails, workers are killed, Postgres crashes; then everything is counted."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from schemas.alert import Alert, Severity, Status
from schemas.customer import Person
from sinks.postgres import attempts, connect
from streams.topology import ACTIONS, ALERTS, TRENDS
from tests.alerts import CUSTOMER, TICKET, alert
from tests.servers.fake_slack import FakeSlack
from tests.servers.kafka import KafkaServer
from tests.servers.processes import Csatwatch
from tests.servers.slack_faults import Fault, Kind
from tests.servers.topics import Record, create_topics, produce
from tests.servers.wait import until

_PROGRAM = (sys.executable, "-m", "agents.cli")
_MUTANT = (sys.executable, "-m", "tests.chaos.delivery_mutant")
_METHODS = (
    "chat.postMessage",
    "chat.update",
    "conversations.history",
    "conversations.replies",
    "conversations.open",
    "users.lookupByEmail",
)
# In a hundred calls: five are refused for a pause, five fail, five are carried out without an answer, one hangs.
_FAULTS = (
    *(Fault(Kind.RATE_LIMITED, retry_after=1),) * 5,
    *(Fault(Kind.SERVER_ERROR),) * 5,
    *(Fault(Kind.LOST),) * 5,
    Fault(Kind.HANG),
)
_SHARE = len(_FAULTS) / 100
_STEPS = ("notify_csm", "create_task", "draft_follow_up")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done to delivery; the same seed draws the same alerts and faults.

    Attributes:
        people: CSMs, each with alerts on several customers.
        kills: how many times a worker is killed, at random moments.
        crashes: of Postgres.
        mutations: protections that the workers lack.
        within: seconds until everything must be delivered.
    """

    seed: int
    alerts: int
    people: int
    kills: int
    crashes: int
    mutations: str = ""
    within: float = 240.0


@dataclass(frozen=True, slots=True)
class Report:
    """What was found at the end. `violations` are lines for people; none: each alert was delivered once."""

    violations: tuple[str, ...]
    calls: Counter[str]
    """Of Slack, by outcome."""
    looked: int
    """Times that somebody looked whether a message was there before it was sent again."""


async def run(plan: Plan, directory: Path, kafka: KafkaServer, dsn: str, prefix: str) -> Report:
    """Carry the plan out on a running Kafka, and a database that nobody else uses."""
    drawn = random.Random(plan.seed)  # noqa: S311 (repeatable, not secret)
    users = {f"csm{number}@example.com": f"U{number:04}" for number in range(plan.people)}
    alerts = _alerts(plan, drawn)
    await create_topics(kafka.bootstrap, {prefix + name: 4 for name in (ACTIONS, ALERTS, TRENDS)})
    with FakeSlack(users, {"C0FALLBACK": "fallback"}) as slack:
        slack.faults.at_random(plan.seed, _SHARE, _FAULTS, _METHODS)
        settings = {
            "CSATWATCH_KAFKA_URL": kafka.url,
            "CSATWATCH_TOPIC_PREFIX": prefix,
            "CSATWATCH_APP_ID": f"{prefix}csatwatch",
            "CSATWATCH_PARTITIONS": "4",
            "CSATWATCH_POSTGRES_DSN": dsn,
            "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
            "CSATWATCH_SLACK_API_URL": slack.url,
            "CSATWATCH_SLACK_TIMEOUT_SECONDS": "1",
            "CSATWATCH_TASKS_TIMEOUT_SECONDS": "1",
            "CSATWATCH_SESSION_TIMEOUT_SECONDS": "4",
            "CSATWATCH_SLACK_FALLBACK_CHANNEL": "C0FALLBACK",
        }
        program = (*_MUTANT, plan.mutations) if plan.mutations else _PROGRAM
        workers = [
            Csatwatch(
                "deliver",
                settings | {"CSATWATCH_STATE_DIR": str(directory / f"w{number}" / "state")},
                directory / f"w{number}",
                program=program,
            )
            for number in range(2)
        ]
        async with await connect(dsn, size=2) as pool:
            # As a server's own default: what it has committed, it has after a crash.
            name = await pool.fetchval("select current_database()")
            await pool.execute(f'alter database "{name}" set synchronous_commit = on')
            try:
                for worker in workers:
                    worker.start()
                await asyncio.gather(*(worker.ready() for worker in workers))
                revisions = _revisions(alerts, drawn)
                half = len(revisions) // 2
                await _publish(kafka, prefix, revisions[:half])
                disturbing = asyncio.create_task(_disturb(plan, drawn, workers, slack, pool))
                await _publish(kafka, prefix, revisions[half:])
                await disturbing
                found = await _settled(pool, len(alerts), plan.within)
            finally:
                for worker in workers:
                    worker.kill()
            violations = (*found, *await _count(pool, slack, alerts))
        calls = Counter(call.outcome for call in slack.calls())
        looked = len(slack.calls("conversations.history")) + len(slack.calls("conversations.replies"))
        return Report(violations, calls, looked)


def _alerts(plan: Plan, drawn: random.Random) -> list[Alert]:
    severities = list(Severity)
    found = []
    for number in range(plan.alerts):
        person = number % plan.people
        csm = Person(name=f"Csm {person}", email=f"csm{person}@example.com")
        customer = f"{drawn.randrange(plan.people * 3):08}-0000-4000-8000-{person:012}"
        account = CUSTOMER.model_copy(update={"csm": csm, "customer_id": customer})
        made = alert(
            response=f"r{number}",
            customer=account,
            severity=drawn.choice(severities),
            ticket=TICKET.model_copy(update={"ticket_id": f"T{number}"}),
        )
        found.append(made.model_copy(update={"customer_id": customer}))
    return found


def _revisions(alerts: Sequence[Alert], drawn: random.Random) -> list[Alert]:
    """The alerts, a tenth with an update later on and a twentieth with a retraction."""
    found = list(alerts)
    updated: dict[str, Any] = {"revision": 2, "status": Status.UPDATED, "feedback": "Still waiting."}
    retracted: dict[str, Any] = {"revision": 3, "status": Status.RETRACTED, "rating": 5}
    found += [each.model_copy(update=updated) for each in drawn.sample(alerts, len(alerts) // 10)]
    found += [each.model_copy(update=retracted) for each in drawn.sample(alerts, len(alerts) // 20)]
    return found


async def _publish(kafka: KafkaServer, prefix: str, alerts: Sequence[Alert]) -> None:
    records = [Record(key=each.customer_id.encode(), value=each.to_json()) for each in alerts]
    await produce(kafka.bootstrap, prefix + ALERTS, records)


async def _disturb(
    plan: Plan, drawn: random.Random, workers: Sequence[Csatwatch], slack: FakeSlack, pool: asyncpg.Pool
) -> None:
    """Kill workers, and crash Postgres, each when so many messages have been sent."""
    last = plan.alerts * 9 // 10
    moments = [(drawn.randrange(1, last), "kill") for _ in range(plan.kills)]
    moments += [(drawn.randrange(1, last), "crash") for _ in range(plan.crashes)]
    for sent, what in sorted(moments):
        await _sent(slack, sent, plan.within)
        if what == "crash":
            await _crash(pool)
        else:
            worker = drawn.choice(list(workers))
            worker.kill()
            worker.start()


async def _sent(slack: FakeSlack, messages: int, within: float) -> None:
    await until(lambda: len(slack.messages()) >= messages, what=f"{messages} are sent", within=within)


async def _crash(pool: asyncpg.Pool) -> None:
    """A process of Postgres dies, whereupon the server ends all others, recovers from its log and starts anew."""
    async for attempt in attempts():
        with attempt:
            backend = await pool.fetchval("select pid from pg_stat_activity where backend_type = 'walwriter'")
    os.kill(backend, signal.SIGKILL)
    async for attempt in attempts():
        with attempt:
            await pool.fetchval("select 1")


async def _settled(pool: asyncpg.Pool, alerts: int, within: float) -> list[str]:
    """Wait until every step is settled; what is not in the end."""
    query = """
        select state, uncertain, count(*) as steps from deliveries
        where step not like '%#%' group by state, uncertain
    """

    async def all_are() -> bool:
        recorded = await pool.fetchval("select count(*) from alerts")
        rows = await pool.fetch(query)
        return recorded == alerts and all(row["state"] in {"done", "cancelled"} for row in rows)

    try:
        await until(all_are, what="every step is settled", within=within)
    except AssertionError:
        return [f"not settled: {dict(row)}" for row in await pool.fetch(query)]
    return [f"left in doubt: {dict(row)}" for row in await pool.fetch(query) if row["uncertain"]]


async def _count(pool: asyncpg.Pool, slack: FakeSlack, alerts: Sequence[Alert]) -> list[str]:
    found: list[str] = []
    wanted = {str(each.alert_id) for each in alerts}
    # One that was retracted before anything was shown has nothing to show.
    cancelled = {
        row["alert_id"] for row in await pool.fetch("select alert_id from deliveries where state = 'cancelled'")
    }
    payloads = [each.metadata["event_payload"] for each in slack.messages() if each.metadata]
    standing = Counter(each["alert_id"] for each in payloads if "#" not in each["step"])
    tasks = Counter(row["alert_id"] for row in await pool.fetch("select alert_id from tasks"))
    drafts = Counter(
        row["alert_id"] for row in await pool.fetch("select distinct alert_id, draft_id from email_drafts")
    )
    never = wanted - {row["alert_id"] for row in await pool.fetch("select distinct alert_id from deliveries")}
    for name, counted in (("messages", standing), ("tasks", tasks), ("drafts", drafts)):
        for alert_id in sorted(wanted | set(counted)):
            right = {1, 0} if alert_id in cancelled | never else {1}
            if counted[alert_id] not in right or alert_id not in wanted:
                found.append(f"{alert_id} has {counted[alert_id]} {name}")
    found += [f"{each['event_payload']['alert_id']} had two messages for a time" for each in slack.doubled()]
    rows = await pool.fetch(
        "select alert_id, external_id from deliveries where sink = 'slack' and state = 'done' and step not like '%#%'"
    )
    shown = {(each["alert_id"], message.ts) for each, message in zip(payloads, slack.messages(), strict=True)}
    found += [
        f"{row['alert_id']} is in the ledger with another message than in Slack"
        for row in rows
        if (row["alert_id"], row["external_id"]) not in shown
    ]
    return found
