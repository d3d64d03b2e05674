"""The real `csatwatch deliver`, between a broker, Postgres and Slack."""

import asyncio
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from schemas.alert import Alert, Status
from schemas.customer import Person
from streams.topology import ACTIONS, ALERTS, TRENDS
from tests.alerts import CUSTOMER, alert
from tests.conftest import Broker
from tests.servers.fake_slack import FakeSlack
from tests.servers.processes import Csatwatch
from tests.servers.slack_faults import Fault, Kind
from tests.servers.topics import Record, create_topics, produce
from tests.servers.wait import until

PEOPLE = {f"csm{number}@example.com": f"U{number:04}" for number in range(50)}


def of(number: int, **more: object) -> Alert:
    """An alert for one of fifty CSMs."""
    csm = Person(name=f"Csm {number}", email=f"csm{number % 50}@example.com")
    return alert(response=f"r{number}", customer=CUSTOMER.model_copy(update={"csm": csm}), **more)


@dataclass
class Setting:
    """A broker with its topics, a database and a Slack, and `csatwatch deliver` on them."""

    broker: Broker
    prefix: str
    pool: asyncpg.Pool
    slack: FakeSlack
    settings: dict[str, str]
    directory: Path

    def deliver(self, **more: str) -> Csatwatch:
        return Csatwatch("deliver", self.settings | more, self.directory)

    async def publish(self, *values: Alert | bytes) -> None:
        records = [
            Record(key=b"k", value=value)
            if isinstance(value, bytes)
            else Record(key=value.customer_id.encode(), value=value.to_json())
            for value in values
        ]
        await produce(self.broker.bootstrap, self.prefix + ALERTS, records)

    async def delivered(self, alerts: int, within: float = 60.0) -> None:
        """Wait until every step of that many alerts is settled."""

        async def all_done() -> bool:
            return await self.states() == {"done": alerts * 3}

        try:
            await until(all_done, what=f"{alerts} alerts delivered", within=within)
        except AssertionError as error:
            errors = await self.pool.fetch("select distinct sink, error from deliveries where error is not null")
            raise AssertionError(f"{error}: {await self.states()} {errors}") from None

    async def sent(self, messages: int) -> None:
        """Wait until so many stand in Slack."""
        await until(lambda: len(self.slack.messages()) >= messages, what=f"{messages} sent", within=60.0)

    async def states(self) -> dict[str, int]:
        rows = await self.pool.fetch("select state, count(*) as steps from deliveries group by state")
        return {row["state"]: row["steps"] for row in rows}

    async def each_has_one(self, alerts: Iterable[Alert]) -> None:
        """Each alert has one message, one task and one draft."""
        wanted = sorted(str(each.alert_id) for each in alerts)
        sent = [each.metadata["event_payload"]["alert_id"] for each in self.slack.messages() if each.metadata]
        assert sorted(sent) == wanted
        for table in ("tasks", "email_drafts"):
            rows = await self.pool.fetch(f"select alert_id from {table}")  # noqa: S608 (one of two names)
            assert sorted(row["alert_id"] for row in rows) == wanted


@pytest.fixture
def workspace() -> Iterator[FakeSlack]:
    with FakeSlack(PEOPLE) as slack:
        yield slack


@pytest.fixture
async def setting(
    broker: Broker, topic_prefix: str, postgres: str, pool: asyncpg.Pool, workspace: FakeSlack, tmp_path: Path
) -> Setting:
    await create_topics(broker.bootstrap, {topic_prefix + name: 4 for name in (ACTIONS, ALERTS, TRENDS)})
    settings = {
        "CSATWATCH_KAFKA_URL": broker.url,
        "CSATWATCH_KAFKA_TRANSACTIONS": str(broker.transactions).lower(),
        "CSATWATCH_TOPIC_PREFIX": topic_prefix,
        "CSATWATCH_APP_ID": f"{topic_prefix}csatwatch",
        "CSATWATCH_PARTITIONS": "4",
        "CSATWATCH_POSTGRES_DSN": postgres,
        "CSATWATCH_STATE_DIR": str(tmp_path / "state"),
        "CSATWATCH_SLACK_BOT_TOKEN": workspace.token,
        "CSATWATCH_SLACK_API_URL": workspace.url,
        "CSATWATCH_SLACK_TIMEOUT_SECONDS": "1",
    }
    return Setting(broker, topic_prefix, pool, workspace, settings, tmp_path)


async def test_an_alert_becomes_a_message_a_task_and_a_draft(setting: Setting) -> None:
    async with setting.deliver() as deliver:
        await setting.publish(of(1))
        await setting.delivered(1)
        await setting.each_has_one([of(1)])
        assert await setting.pool.fetchval("select csm_notified from support_satisfaction")
        shown = await deliver.metrics()
        assert 'csatwatch_deliveries_total{result="done",sink="slack"} 1.0' in shown
        assert 'csatwatch_delivery_seconds_count{sink="tasks"} 1.0' in shown
        await setting.publish(of(1, revision=2, status=Status.RETRACTED, rating=4))
        await until(lambda: "no longer holds" in str(setting.slack.messages()), what="the message is withdrawn")
        await setting.delivered(1)
        assert await setting.pool.fetchval("select status from tasks") == "cancelled"
        assert await setting.pool.fetchval("select status from email_drafts") == "discarded"
    assert "Took too long" not in deliver.log
    assert "xoxb" not in deliver.log


async def test_what_is_no_alert_is_skipped_and_counted(setting: Setting) -> None:
    broken = of(3).model_copy(update={"revision": 2**40})
    async with setting.deliver() as deliver:
        await setting.publish(b"{", of(1), b"", json.dumps({"alert_id": "secret words"}).encode(), broken, of(2))
        await setting.delivered(2)
        assert 'csatwatch_alerts_taken_total{result="unreadable"} 4.0' in await deliver.metrics()
    assert "offset=" in deliver.log
    assert "secret words" not in deliver.log


async def test_without_a_token_it_is_a_preview(setting: Setting) -> None:
    async with setting.deliver(CSATWATCH_SLACK_BOT_TOKEN=""):
        await setting.publish(of(1))
        await setting.delivered(1)
    assert await setting.pool.fetchval("select destination from deliveries where sink = 'slack'") == "preview"
    assert not await setting.pool.fetchval("select csm_notified from support_satisfaction")
    assert setting.slack.messages() == []


async def test_the_same_alerts_again_change_nothing(setting: Setting) -> None:
    alerts = [of(number) for number in range(20)]
    async with setting.deliver():
        await setting.publish(*alerts)
        await setting.delivered(20)
        await setting.publish(*alerts, of(20))
        await setting.delivered(21)
    await setting.each_has_one([*alerts, of(20)])


async def test_killed_in_the_middle_each_alert_is_delivered_once(setting: Setting) -> None:
    faults = [Fault(Kind.RATE_LIMITED, retry_after=0), *map(Fault, (Kind.SERVER_ERROR, Kind.LOST, Kind.DROPPED))]
    setting.slack.faults.at_random(11, 0.2, faults)
    alerts = [of(number) for number in range(60)]
    deliver = setting.deliver().start()
    await setting.publish(*alerts)
    for part in (10, 30):
        await setting.sent(part)
        deliver.kill()
        deliver.start()
    await setting.delivered(60, within=90)
    assert await deliver.terminate() == 0
    await setting.each_has_one(alerts)


@pytest.mark.slow  # half a minute
async def test_two_workers_share_and_one_may_die(setting: Setting) -> None:
    alerts = [of(number) for number in range(60)]
    async with setting.deliver() as lasting, setting.deliver() as dying:
        await setting.publish(*alerts)
        await setting.sent(15)
        dying.kill()
        await setting.delivered(60, within=90)
        dying.start()
        await dying.ready()
        assert await lasting.get("/readyz") == 200
    await setting.each_has_one(alerts)


async def test_a_slack_outage_holds_up_only_slack(setting: Setting) -> None:
    setting.slack.stop()
    alerts = [of(number) for number in range(30)]
    async with setting.deliver():
        await setting.publish(*alerts)

        async def rest_done() -> bool:
            return (await setting.states()).get("done") == 60

        await until(rest_done, what="tasks and drafts are done")
        setting.slack.start()
        await setting.delivered(30)
    await setting.each_has_one(alerts)


async def test_a_stop_drains(setting: Setting) -> None:
    alerts = [of(number) for number in range(40)]
    deliver = await setting.deliver().start().ready()
    await setting.publish(*alerts)
    await until(setting.slack.messages, what="the first is sent")
    assert await deliver.terminate() == 0
    # Nothing is left in doubt: what was not begun is due.
    assert set(await setting.states()) <= {"done", "due"}
    assert await setting.pool.fetchval("select count(*) from deliveries where uncertain") == 0
    async with setting.deliver():
        await setting.delivered(40)
    await setting.each_has_one(alerts)


async def test_a_database_that_is_away_loses_nothing(setting: Setting) -> None:
    """Its connections are cut, and new ones refused, while alerts come in."""
    alerts = [of(number) for number in range(40)]
    name = await setting.pool.fetchval("select current_database()")
    server = setting.settings["CSATWATCH_POSTGRES_DSN"].replace(f"/{name}", "/postgres")
    operator = await asyncpg.connect(server)
    try:
        async with setting.deliver() as deliver:
            await setting.publish(*alerts[:20])
            await until(setting.slack.messages, what="the first is sent")
            await operator.execute(f"alter database {name} with allow_connections false")
            await operator.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", name)
            await setting.publish(*alerts[20:])
            await until(lambda: "postgres is away" in deliver.log, what="it notices")
            assert await deliver.get("/livez") == 200
            await operator.execute(f"alter database {name} with allow_connections true")
            await asyncio.wait_for(_back(setting.pool), 30)
            await setting.delivered(40, within=90)
    finally:
        await operator.close()
    await setting.each_has_one(alerts)


async def _back(pool: asyncpg.Pool) -> None:
    while True:
        try:
            await pool.fetchval("select 1")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await asyncio.sleep(0.1)
        else:
            return
