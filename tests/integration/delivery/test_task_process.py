"""The real `csatwatch deliver` with a Jira: a task closed there is a follow-up here, and the other way round."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import asyncpg

from schemas.action import Action, ActionKind
from schemas.alert import Alert
from streams.topology import ACTIONS, ALERTS, TRENDS
from tests.alerts import alert
from tests.servers import fake_jira
from tests.servers.fake_jira import FakeJira
from tests.servers.processes import Csatwatch
from tests.servers.topics import Record, create_topics, produce
from tests.servers.wait import until


async def test_both_sides_agree(
    embedded_broker_url: str, topic_prefix: str, postgres: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    bootstrap = embedded_broker_url.removeprefix("kafka://")
    await create_topics(bootstrap, {topic_prefix + name: 1 for name in (ACTIONS, ALERTS, TRENDS)})
    here, there = alert(response="here"), alert(response="there")

    async def publish(topic: str, *values: Alert | Action) -> None:
        records = [Record(key=each.customer_id.encode(), value=each.to_json()) for each in values]
        await produce(bootstrap, topic_prefix + topic, records)

    async def filed() -> dict[str, str]:
        rows = await pool.fetch("select alert_id, external_id from tasks where external_id is not null")
        found = {row["alert_id"]: row["external_id"] for row in rows}
        return found if len(found) == 2 else {}

    async def closed(of: Alert) -> bool:
        sql = "select status from tasks where alert_id = $1"
        return bool(await pool.fetchval(sql, str(of.alert_id)) == "done")

    async with (jira := FakeJira()).running():
        settings = {
            "CSATWATCH_KAFKA_URL": embedded_broker_url,
            "CSATWATCH_KAFKA_TRANSACTIONS": "false",
            "CSATWATCH_TOPIC_PREFIX": topic_prefix,
            "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
            "CSATWATCH_PARTITIONS": "1",
            "CSATWATCH_POSTGRES_DSN": postgres,
            "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
            "CSATWATCH_TASKS_SYSTEM": "jira",
            "CSATWATCH_TASKS_URL": jira.url,
            "CSATWATCH_TASKS_USER": fake_jira.USER,
            "CSATWATCH_TASKS_TOKEN": fake_jira.TOKEN,
            "CSATWATCH_TASKS_PROJECT": fake_jira.PROJECT,
            "CSATWATCH_TASKS_POLL_SECONDS": "1",
        }
        async with Csatwatch("deliver", settings, tmp_path) as deliver:
            await publish(ALERTS, here, there)
            keys = await until(filed, what="both tasks are in Jira")
            assert sorted(keys.values()) == sorted(jira.issues)
            jira.close(keys[str(there.alert_id)])
            await until(lambda: closed(there), what="the task closed there is done here")
            action = Action(
                action_id=uuid4(),
                alert_id=here.alert_id,
                customer_id=here.customer_id,
                kind=ActionKind.FOLLOWED_UP,
                by="ana@example.com",
                at=datetime.now(UTC),
            )
            await publish(ACTIONS, action)
            issue = jira.issues[keys[str(here.alert_id)]]
            await until(lambda: issue.category == "done", what="the task followed up here is done there")
            rows = await pool.fetch("select kind, by from actions order by by")
            assert [(row["kind"], row["by"]) for row in rows] == [
                ("followed_up", "ana@example.com"),
                ("followed_up", "jira"),
            ]
            assert await pool.fetchval("select bool_and(csm_followed_up) from support_satisfaction")
    assert len(jira.issues) == 2
    assert fake_jira.TOKEN not in deliver.log
    assert "Took too long" not in deliver.log
