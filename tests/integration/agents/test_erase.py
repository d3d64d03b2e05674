"""`csatwatch erase` against a real Kafka and Postgres, beside a store that runs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from tests.servers.processes import Csatwatch, csatwatch
from tests.servers.topics import read_all
from tests.servers.wait import until

if TYPE_CHECKING:
    from tests.servers.kafka import KafkaServer

_CUSTOMER = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a11"
_OTHER = "0f0e9c3e-5d0b-4a0e-9a53-0f6d0c5a7a12"
_WORDS = "Nobody ever answered the telephone"


def _line(number: int, customer: str, email: str) -> str:
    return json.dumps(
        {
            "event_type": "support_csat_received",
            "event_id": f"e-{number}",
            "customer_id": customer,
            "ticket_id": f"T-{number}",
            "rating": 1,
            "responded_at": datetime.now(UTC).isoformat(),
            "feedback": f"{_WORDS}, said {number}",
            "contact": {"email": email, "name": f"Somebody {number}"},
        }
    )


async def test_erased_words_are_gone_from_postgres_and_have_an_end_in_kafka(
    kafka: "KafkaServer", topic_prefix: str, postgres: str, tmp_path: Path
) -> None:
    settings = {
        "CSATWATCH_KAFKA_URL": kafka.url,
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "2",
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
    }

    async def run(*arguments: str) -> str:
        done = await csatwatch(*arguments, settings=settings, directory=tmp_path)
        assert done.code == 0, done.stderr
        return done.stdout

    await run("topics", "create")
    account = {"customer_id": _CUSTOMER, "name": "GlobalTech"}
    (tmp_path / "accounts.jsonl").write_text(json.dumps(account) + "\n")
    lines = [
        _line(1, _CUSTOMER, "ada@x.example"),
        _line(2, _CUSTOMER, "bob@x.example"),
        _line(3, _OTHER, "ada@x.example"),
    ]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    connection = await asyncpg.connect(postgres)
    try:
        async with Csatwatch("store", settings, tmp_path) as store:
            await run("customers", "import", "accounts.jsonl")
            await run("publish", "events.jsonl")

            async def stored() -> bool:
                return bool(await connection.fetchval("select count(feedback) = 3 from support_satisfaction"))

            await until(stored, what="the answers are stored", within=60)
            refused = await csatwatch(
                "erase", "--contact", "eve@x.example", "--yes", settings=settings, directory=tmp_path
            )
            assert refused.code == 2

            done = json.loads(await run("erase", "--contact", "Ada@x.example", "--json"))
            assert sorted(done["customers"]) == [_CUSTOMER, _OTHER]
            assert done["found"] == {}
            assert done["searched"] > 0
            kept = {each["topic"].removeprefix(topic_prefix): each["until"] for each in done["kept"]}
            assert {"csat-events", "alerts", "customers", "csat-trends", "csm-actions"} <= set(kept)
            assert all(until is not None for until in kept.values()), kept
            left = await connection.fetch("select feedback from support_satisfaction where feedback is not null")
            assert [row["feedback"] for row in left] == [f"{_WORDS}, said 2"]

            said = await run("erase", "--customer", _CUSTOMER, "--yes")
            assert "none is found" in said
            assert "the last text is gone from the topics by" in said
            (record,) = [
                each for each in await read_all(kafka.bootstrap, f"{topic_prefix}customers") if each.value is None
            ]
            assert record.key == _CUSTOMER.encode()
            # Both again, and all of the topic again: nothing comes back.
            await run("erase", "--customer", _CUSTOMER, "--yes")
            await run("publish", "events.jsonl")
            await run("publish", "events.jsonl")

            async def read() -> bool:
                return 'event_type="support_csat_received",result="stored",role="store"} 9.0' in await store.metrics()

            await until(read, what="the store has read it all", within=60)
            # What is published after the erasure is new, by the broker's time; what was said before it is not.
            assert await connection.fetchval("select count(feedback) from support_satisfaction") == 0
            assert await connection.fetchval("select count(*) from support_satisfaction where rating = 1") == 3
            assert _WORDS not in store.log
    finally:
        await connection.close()


async def test_whose_words_has_to_be_said(tmp_path: Path) -> None:
    for arguments, named in (
        ((), "--customer"),
        (("--customer", "x", "--contact", "y"), "--customer"),
        (("--customer", "GlobalTech"), "--customer is 'GlobalTech'"),
        (("--contact", "ada@"), "--contact"),
    ):
        done = await csatwatch("erase", *arguments, "--yes", settings={}, directory=tmp_path)
        assert done.code == 2
        assert named in done.stderr
        assert "Traceback" not in done.stderr
