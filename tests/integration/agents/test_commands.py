import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streams.partition import partition_of
from streams.topology import ALERTS, CUSTOMERS, EVENTS, TOPICS, changelog
from tests.conftest import Broker
from tests.servers.processes import csatwatch
from tests.servers.topics import Record, create_topics, produce, read_all

PARTITIONS = 4


@pytest.fixture
def settings(broker: Broker, topic_prefix: str) -> dict[str, str]:
    return {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_KAFKA_TRANSACTIONS": str(broker.transactions),
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_PARTITIONS": str(PARTITIONS),
    }


async def done(*arguments: str, settings: Mapping[str, str], directory: Path, stdin: str = "") -> str:
    finished = await csatwatch(*arguments, settings=settings, directory=directory, stdin=stdin)
    assert finished.code == 0, finished.stderr
    return finished.stdout


async def test_topics_are_created_once(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    names = [*(topic.name for topic in TOPICS), changelog("csatwatch")]
    first = await done("topics", "create", settings=settings, directory=tmp_path)
    assert first.splitlines() == [f"{topic_prefix}{name}: created, {PARTITIONS} partitions" for name in names]
    again = await done("topics", "create", settings=settings, directory=tmp_path)
    assert again.splitlines() == [f"{topic_prefix}{name}: as wanted, {PARTITIONS} partitions" for name in names]


async def test_what_differs_is_said_and_left(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    events = topic_prefix + EVENTS
    await create_topics(broker.bootstrap, {events: 2}, {"retention.ms": "1000000"})
    said = await done("topics", "create", settings=settings, directory=tmp_path)
    assert f"{events}: differs, 2 partitions\n" in said
    assert f"  partitions: 2, wanted {PARTITIONS}: " in said
    assert f"--alter --topic {events} --add-config retention.ms={30 * 86_400_000}" in said
    # The state goes with the events as they are.
    assert f"{topic_prefix}{changelog('csatwatch')}: created, 2 partitions" in said


async def test_partitions_of_state_and_events_that_differ_are_a_failure(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    await create_topics(broker.bootstrap, {topic_prefix + changelog("csatwatch"): 2})
    finished = await csatwatch("topics", "create", settings=settings, directory=tmp_path)
    assert finished.code == 1
    assert "the detector cannot start" in finished.stderr


async def test_published_events_are_on_murmur2s_partition_with_cloudevents_headers(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    await done("topics", "create", settings=settings, directory=tmp_path)
    arguments = ("--seed", "5", "--events", "300", "--customers", "40", "--out", "events.jsonl")
    await done("generate", *arguments, settings=settings, directory=tmp_path)
    said = await done("publish", "events.jsonl", settings=settings, directory=tmp_path)
    assert said == f"published 300 events to {topic_prefix}{EVENTS}\n"

    stored = await read_all(broker.bootstrap, topic_prefix + EVENTS)
    values = (tmp_path / "events.jsonl").read_bytes().splitlines()
    assert sorted(each.value or b"" for each in stored) == sorted(values)
    for each in stored:
        event = json.loads(each.value or b"")
        assert each.key == event["customer_id"].encode()
        assert each.partition == partition_of(event["customer_id"], PARTITIONS)
        assert each.header("ce_specversion") == b"1.0"
        assert each.header("ce_id") == event["event_id"].encode()
        assert each.header("ce_type") == event["event_type"].encode()
    # A customer's events keep the order of the file.
    at = {value: place for place, value in enumerate(values)}
    for partition in range(PARTITIONS):
        places = [at[each.value or b""] for each in stored if each.partition == partition]
        assert places == sorted(places)


async def test_a_csv_is_published_and_bad_lines_are_skipped_when_told_to(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    await done("topics", "create", settings=settings, directory=tmp_path)
    customer = "0F0E9C3E-5D0B-4A0E-9A53-0F6D0C5A7A11"
    answered = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    text = (
        "event_id,customer_id,ticket_id,rating,responded_at,was_escalated,sla_hours,contact.name\n"
        f"e-1,{customer},T-1,2,{answered},yes,24,Zoë\n"
        f"e-2,{customer},T-2,9,{answered},no,24,Zoë\n"
    )
    arguments = ("publish", "-", "--format", "csv", "--skip-bad", "--backfill")
    finished = await csatwatch(*arguments, settings=settings, directory=tmp_path, stdin=text)
    assert finished.code == 0, finished.stderr
    assert finished.stdout == f"published 1 events to {topic_prefix}{EVENTS}, skipped 1\n"
    assert "csatwatch: skipped: standard input:3: rating is 9" in finished.stderr
    (stored,) = await read_all(broker.bootstrap, topic_prefix + EVENTS)
    event = json.loads(stored.value or b"")
    assert (event["rating"], event["was_escalated"], event["sla_hours"]) == (2, True, 24)
    assert event["contact"] == {"name": "Zoë"}
    assert stored.key == customer.lower().encode()
    assert stored.header("csatwatch-backfill") == b"1"


async def test_nothing_is_published_to_a_topic_that_is_not_there(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    await done("generate", "--seed", "1", "--events", "1", "--out", "e.jsonl", settings=settings, directory=tmp_path)
    finished = await csatwatch("publish", "e.jsonl", settings=settings, directory=tmp_path)
    assert finished.code == 1
    assert f"the topic {topic_prefix}{EVENTS} does not exist" in finished.stderr
    assert "run csatwatch topics create" in finished.stderr


async def test_accounts_are_imported(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    await done("topics", "create", settings=settings, directory=tmp_path)
    customer = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
    text = f"customer_id,name,arr,currency,csm.name,csm.email\n{customer},GlobalTech,175000,USD,Sarah,s@example.com\n"
    said = await done("customers", "import", "-", "--format", "csv", settings=settings, directory=tmp_path, stdin=text)
    assert said == f"published 1 accounts to {topic_prefix}{CUSTOMERS}\n"
    (stored,) = await read_all(broker.bootstrap, topic_prefix + CUSTOMERS)
    assert stored.key == customer.encode()
    assert json.loads(stored.value or b"") == {
        "customer_id": customer,
        "name": "GlobalTech",
        "arr": 175000,
        "currency": "USD",
        "csm": {"name": "Sarah", "email": "s@example.com"},
    }


async def test_alerts_are_shown_to_anybody(
    broker: Broker, topic_prefix: str, settings: dict[str, str], tmp_path: Path
) -> None:
    await done("topics", "create", settings=settings, directory=tmp_path)
    values = [b'{"alert_id": "a"}', b'{"alert_id": "b"}']
    await produce(broker.bootstrap, topic_prefix + ALERTS, [Record(value=value, partition=0) for value in values])
    arguments = ("alerts", "tail", "--json", "--from-beginning", "--count", "2")
    said = await done(*arguments, settings=settings, directory=tmp_path)
    assert said.encode().splitlines() == values
