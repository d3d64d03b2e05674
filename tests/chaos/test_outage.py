"""Slack is away while thousands of ratings come in: the detector does not notice, and the backlog goes out in order.

Real processes: one `detect`, which is told of no Slack at all, and two `deliver`. The outage lasts until the pauses
between two tries are as long as they get: the rest of an hour is the same again and again, and passes in
tests/integration/delivery/test_outage.py.
"""

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from schemas.alert import Alert, Severity
from sinks.postgres import connect
from streams.topology import ALERTS, CUSTOMERS, EVENTS
from tests.memory import answer
from tests.servers.fake_slack import FakeSlack
from tests.servers.kafka import KafkaServer
from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.topics import Record, produce, read_all
from tests.servers.wait import until

PEOPLE = 100
RATINGS = 2_000
LATE = 100  # more, once it has lasted
ARRS = (None, 5_000, 60_000, 400_000, 2_000_000)
RANKS = {severity: rank for rank, severity in enumerate(Severity)}
LONGEST_PAUSE = 60.0  # seconds


@pytest.fixture
async def pool(postgres: str) -> AsyncIterator[asyncpg.Pool]:
    async with await connect(postgres, size=2) as connected:
        yield connected


@pytest.fixture
async def settings(kafka: KafkaServer, topic_prefix: str, tmp_path: Path) -> dict[str, str]:
    """Of every process: without a Slack, and without a database."""
    made = {
        "CSATWATCH_KAFKA_URL": kafka.url,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "4",
    }
    done = await csatwatch("topics", "create", settings=made, directory=tmp_path)
    assert done.code == 0, done.stderr
    return made


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_an_outage_of_slack_loses_nothing_and_slows_nothing_else(
    kafka: KafkaServer, settings: Mapping[str, str], pool: asyncpg.Pool, postgres: str, tmp_path: Path
) -> None:
    prefix = settings["CSATWATCH_TOPIC_PREFIX"]
    await produce(kafka.bootstrap, prefix + CUSTOMERS, [_account(number) for number in range(RATINGS + LATE)])
    users = {f"csm{number}@example.com": f"U{number:04}" for number in range(PEOPLE)}
    slack = FakeSlack(users, {"C0FALLBACK": "fallback"}, seconds_a_message=1.0)
    async with AsyncExitStack() as stack:
        stack.callback(slack.stop)
        for number in range(2):
            directory = tmp_path / f"w{number}"
            more = _delivering(slack, postgres) | {"CSATWATCH_STATE_DIR": str(directory / "state")}
            await stack.enter_async_context(Csatwatch("deliver", {**settings, **more}, directory))
        more = {"CSATWATCH_STATE_DIR": str(tmp_path / "state")}
        await stack.enter_async_context(Csatwatch("detect", {**settings, **more}, tmp_path))

        await produce(kafka.bootstrap, prefix + EVENTS, [_rating(number) for number in range(RATINGS)])
        await _taken_in(pool, RATINGS)
        await _lasts(pool)
        await produce(kafka.bootstrap, prefix + EVENTS, [_rating(RATINGS + number) for number in range(LATE)])
        await _taken_in(pool, RATINGS + LATE)
        # None was given up, and none was sent.
        waiting = "select count(*) from deliveries where sink = 'slack' and state in ('due', 'claimed')"
        assert await pool.fetchval(waiting) == RATINGS + LATE

        slack.start()
        await until(lambda: _all_done(pool), what="everything is delivered", within=300)
    alerts = [Alert.from_json(each.value or b"") for each in await read_all(kafka.bootstrap, prefix + ALERTS)]
    ranks = {str(each.alert_id): RANKS[each.severity] for each in alerts}
    assert len(ranks) == RATINGS + LATE
    assert len(set(ranks.values())) > 1
    _in_order(slack, ranks)
    assert {call.outcome for call in slack.calls("chat.postMessage")} == {"ok"}
    assert await pool.fetchval("select count(*) from tasks") == RATINGS + LATE


def _in_order(slack: FakeSlack, ranks: Mapping[str, int]) -> None:
    """Each alert has one message, and in each channel the more severe came first."""
    by_channel: dict[str, list[int]] = defaultdict(list)
    shown = []
    for message in slack.messages():
        assert message.metadata
        alert_id = message.metadata["event_payload"]["alert_id"]
        shown.append(alert_id)
        by_channel[message.channel].append(ranks[alert_id])
    assert sorted(shown) == sorted(ranks)
    # Whoever finds out that Slack is back does so with the most severe step that was due just then.
    late = {channel: ranked for channel, ranked in by_channel.items() if not _sorted_after(ranked, 1)}
    assert late == {}
    assert sum(not _sorted_after(ranked, 0) for ranked in by_channel.values()) <= 2 * 2


def _sorted_after(ranked: Sequence[int], first: int) -> bool:
    return list(ranked[first:]) == sorted(ranked[first:])


async def _taken_in(pool: asyncpg.Pool, alerts: int) -> None:
    """All alerts are in the ledger, and everything but Slack is done."""

    async def seen() -> bool:
        rows = await pool.fetch("select sink, state, count(*) from deliveries group by sink, state")
        counts = {(row["sink"], row["state"]): row["count"] for row in rows}
        return counts.get(("tasks", "done")) == counts.get(("email", "done")) == alerts

    await until(seen, what=f"{alerts} alerts are taken in", within=180)


async def _lasts(pool: asyncpg.Pool) -> None:
    """Slack is away for so long that the pauses do not grow any more."""

    async def seen() -> bool:
        longest = await pool.fetchval("select max(due_at - now()) from deliveries where held like 'away%'")
        return longest is not None and longest.total_seconds() > LONGEST_PAUSE

    await until(seen, what="the longest pause", within=240)


async def _all_done(pool: asyncpg.Pool) -> bool:
    rows = await pool.fetch("select distinct state from deliveries where step not like '%#%'")
    return {row["state"] for row in rows} == {"done"}


def _delivering(slack: FakeSlack, dsn: str) -> dict[str, str]:
    return {
        "CSATWATCH_POSTGRES_DSN": dsn,
        "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
        "CSATWATCH_SLACK_API_URL": slack.url,
        "CSATWATCH_SLACK_TIMEOUT_SECONDS": "1",
        "CSATWATCH_SLACK_FALLBACK_CHANNEL": "C0FALLBACK",
    }


def _customer(number: int) -> str:
    return f"{number:08}-0000-4000-8000-000000000000"


def _account(number: int) -> Record:
    csm = number % PEOPLE
    account: dict[str, Any] = {
        "customer_id": _customer(number),
        "name": f"Customer {number}",
        "csm": {"name": f"Csm {csm}", "email": f"csm{csm}@example.com"},
    }
    if (arr := ARRS[number // PEOPLE % len(ARRS)]) is not None:
        account |= {"arr": arr, "currency": "USD"}
    return Record(key=_customer(number).encode(), value=json.dumps(account).encode())


def _rating(number: int) -> Record:
    given = answer(1 + number % 2, datetime.now(UTC), customer_id=_customer(number), event_id=f"e{number}")
    return Record(key=_customer(number).encode(), value=json.dumps(given).encode())
