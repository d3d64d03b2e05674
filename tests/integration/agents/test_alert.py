"""`csatwatch alert test`, between the real processes."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from tests.conftest import Broker
from tests.servers.fake_slack import FakeSlack
from tests.servers.processes import Csatwatch, csatwatch, running
from tests.servers.wait import until


@pytest.fixture
async def settings(
    broker: Broker, topic_prefix: str, postgres: str, slack: FakeSlack, tmp_path: Path
) -> dict[str, str]:
    named = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_KAFKA_TRANSACTIONS": str(broker.transactions).lower(),
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "2",
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_SLACK_BOT_TOKEN": slack.token,
        "CSATWATCH_SLACK_API_URL": slack.url,
    }
    created = await csatwatch("topics", "create", settings=named, directory=tmp_path)
    assert created.code == 0
    return named


@pytest.fixture
async def processes(settings: dict[str, str], tmp_path: Path) -> AsyncIterator[list[Csatwatch]]:
    async with running(settings, tmp_path, "detect", "store", "deliver") as started:
        yield started


async def test_it_goes_through_every_step_is_marked_and_withdrawn(
    processes: list[Csatwatch], settings: dict[str, str], slack: FakeSlack, tmp_path: Path, postgres: str
) -> None:
    finished = await csatwatch("alert", "test", "--to", "ana@example.com", settings=settings, directory=tmp_path)
    assert finished.code == 0, finished.stdout + finished.stderr
    for step in ("notify_csm", "create_task", "draft_follow_up"):
        assert f"support_satisfaction_response/{step}: done (" in finished.stdout
    await until(lambda: "no longer holds" in str(slack.messages("U0ANA")), what="it is withdrawn")
    (message,) = slack.messages("U0ANA")
    assert "csatwatch test (no customer)" in str(message.blocks)
    assert "[TEST]" in str(message.blocks)
    again = await csatwatch(
        "alert", "test", "--to", "ana@example.com", "--keep", "--json", settings=settings, directory=tmp_path
    )
    assert {step["state"] for step in json.loads(again.stdout)} == {"done"}
    connection = await asyncpg.connect(postgres)
    try:
        rows = await connection.fetch("select status, count(*) as n from alerts group by status")
    finally:
        await connection.close()
    assert {row["status"]: row["n"] for row in rows} == {"retracted": 1, "firing": 1}


async def test_without_the_processes_it_says_what_to_look_for(settings: dict[str, str], tmp_path: Path) -> None:
    arguments = ("alert", "test", "--to", "ana@example.com", "--within", "1")
    finished = await csatwatch(*arguments, settings=settings, directory=tmp_path)
    assert finished.code == 1
    assert "no alert within 1 s: do csatwatch detect and csatwatch deliver run?" in finished.stderr
    wrong = await csatwatch("alert", "test", "--to", "ana", settings=settings, directory=tmp_path)
    assert wrong.code == 2
    assert "--to is 'ana'" in wrong.stderr
