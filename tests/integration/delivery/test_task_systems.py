"""A task in the list and in a task system: the two agree, whoever closes it, once each."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import pytest
import uvicorn

from agents.task_systems import TaskPoll
from schemas import signature
from schemas.action import Action, ActionKind
from schemas.alert import Alert, Status
from schemas.delivery import Change, LedgerRow, Sink
from schemas.digest import Digest
from schemas.workflow_files import load_workflows
from sinks.base import Receipt, Retriable, SendError
from sinks.ledger import Ledger, Retry, Revision, Settlement
from sinks.tasks import Jira, Linear, Listed
from streams.route import changes
from tests.alerts import AT, alert
from tests.servers import fake_jira, fake_linear
from tests.servers.fake_jira import FakeJira
from tests.servers.fake_linear import FakeLinear
from tests.servers.fake_receiver import SECRET
from tests.servers.ports import free_ports
from tests.servers.slack_faults import Fault, Kind
from tests.servers.wait import until
from web.app import build
from web.database import Database
from web.task_hook import PATH, TaskHook

WORKFLOWS = load_workflows(None)
ALERT = str(alert().alert_id)


def decide(of: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
    return changes(of, WORKFLOWS, rows)


class Office:
    """A ledger and a task system, without a broker: actions go straight into the table."""

    def __init__(self, pool: asyncpg.Pool, fake: FakeJira | FakeLinear, session: aiohttp.ClientSession) -> None:
        self.pool = pool
        self.fake = fake
        self.ledger = Ledger(pool, lease=timedelta(minutes=5))
        self.system: Jira | Linear
        if isinstance(fake, FakeJira):
            url, user, token, project = fake.url, fake_jira.USER, fake_jira.TOKEN, fake_jira.PROJECT
            self.system = Jira(session, url=url, user=user, token=token, project=project, timeout=0.5)
        else:
            self.system = Linear(session, token=fake_linear.TOKEN, team=fake_linear.TEAM, url=fake.url, timeout=0.5)
        self.sink = Listed(pool, self.system)
        self.published: list[Action] = []

    async def record(self, *alerts: Alert) -> None:
        await self.ledger.record([Revision(each, AT) for each in alerts], decide)

    async def work(self) -> None:
        """Carry out what is due, retries as well, until nothing is."""
        for _ in range(200):
            claimed = await self.ledger.claim(Sink.TASKS, 10)
            if not claimed:
                return
            for each in claimed:
                outcome: Receipt | Retry | None
                try:
                    outcome = await self.sink.send(each)
                except Retriable as error:
                    outcome = Retry(0.0, str(error), error.uncertain)
                await self.ledger.settle([Settlement(each, outcome)])
        raise AssertionError("it never ends")

    async def publish(self, action: Action) -> None:
        """As the record comes back from the topic."""
        self.published.append(action)
        await self.pool.execute(
            "insert into actions (action_id, alert_id, customer_id, kind, by, at) values ($1, $2, $3, $4, $5, $6) "
            "on conflict do nothing",
            str(action.action_id),
            str(action.alert_id),
            action.customer_id,
            action.kind,
            action.by,
            action.at,
        )
        await self.ledger.revisit(str(action.alert_id))

    async def follow_up(self) -> None:
        at = datetime.now(UTC)
        kind = ActionKind.FOLLOWED_UP
        await self.publish(
            Action(action_id=uuid4(), alert_id=UUID(ALERT), customer_id=alert().customer_id, kind=kind, by="Ana", at=at)
        )

    def poll(self, every: float = 0.0) -> TaskPoll:
        return TaskPoll(self.pool, self.system, self.publish, every=timedelta(seconds=every))

    async def task(self) -> dict[str, Any]:
        (row,) = await self.pool.fetch("select * from tasks")
        return dict(row)

    def state_there(self) -> str:
        (issue,) = self.fake.issues.values()
        return issue.category if isinstance(issue, fake_jira.Issue) else issue.state


@pytest.fixture(params=[FakeJira, FakeLinear], ids=["jira", "linear"])
async def office(request: pytest.FixtureRequest, pool: asyncpg.Pool) -> AsyncIterator[Office]:
    fake: FakeJira | FakeLinear = request.param()
    async with fake.running(), aiohttp.ClientSession() as session:
        yield Office(pool, fake, session)


async def test_a_task_is_in_both_and_the_page_knows_where(office: Office) -> None:
    await office.record(alert())
    await office.work()
    task = await office.task()
    assert (task["status"], task["told"], task["system"]) == ("open", "open", office.system.name)
    assert task["external_id"] in office.fake.issues
    assert task["external_url"].startswith("http")
    row = await office.pool.fetchrow("select destination, external_id from deliveries where sink = 'tasks'")
    assert row
    assert (row["destination"], row["external_id"]) == (office.system.name, task["external_id"])


async def test_a_follow_up_here_closes_it_there(office: Office) -> None:
    await office.record(alert())
    await office.work()
    await office.follow_up()
    await office.work()
    assert office.state_there() in {"done", "completed"}
    assert (await office.task())["status"] == "done"
    assert await office.poll().look() == 0


async def test_closing_it_there_is_a_follow_up_here_once(office: Office) -> None:
    await office.record(alert())
    await office.work()
    assert await office.poll().look() == 0
    office.fake.close((await office.task())["external_id"])
    assert await office.poll().look() == 1
    (action,) = office.published
    assert (action.kind, str(action.alert_id), action.by) == (ActionKind.FOLLOWED_UP, ALERT, office.system.name)
    assert await office.poll().look() in {0, 1}
    assert len({each.action_id for each in office.published}) == 1
    await office.work()
    assert (await office.task())["status"] == "done"
    assert await office.poll().look() == 0
    await office.record(alert(revision=2, status=Status.UPDATED, feedback="More"))
    await office.work()
    assert office.state_there() in {"done", "completed"}
    assert len(office.fake.issues) == 1


async def test_what_we_ended_ourselves_is_no_follow_up(office: Office) -> None:
    await office.record(alert())
    await office.work()
    await office.poll().look()
    await office.record(alert(revision=2, status=Status.RETRACTED, rating=5))
    await office.work()
    assert office.state_there() in {"done", "canceled"}
    assert await office.poll().look() == 0
    assert office.published == []
    await office.record(alert(revision=3, status=Status.UPDATED, rating=1))
    await office.work()
    assert office.state_there() not in {"done", "canceled", "completed"}
    assert (await office.task())["status"] == "open"


async def test_of_several_workers_one_asks(office: Office) -> None:
    await office.record(alert())
    await office.work()
    assert await asyncio.gather(*(office.poll(60.0).look() for _ in range(4))) == [0] * 4
    asked = [call for call in office.fake.calls if call.name in {"POST /search/jql", "Closed"}]
    assert len(asked) == 1


async def test_a_system_that_is_away_is_asked_again_from_where_it_was(office: Office) -> None:
    await office.record(alert())
    await office.work()
    await office.poll().look()
    await office.pool.execute("update task_polls set read_to = read_to - interval '1 hour'")
    before = await office.pool.fetchval("select read_to from task_polls")
    office.fake.close((await office.task())["external_id"])
    for name in ("POST /search/jql", "Closed"):
        office.fake.faults.next(name, Fault(Kind.SERVER_ERROR))
    assert await office.poll().look() == 0
    assert await office.pool.fetchval("select read_to from task_polls") == before
    assert await office.poll().look() == 1


async def test_each_task_is_there_once_whatever_fails_and_whoever_dies(office: Office) -> None:
    kinds = [Fault(Kind.RATE_LIMITED, retry_after=0), *map(Fault, (Kind.SERVER_ERROR, Kind.LOST, Kind.DROPPED))]
    names = ("POST /issue", "POST /search/jql", "Create", "Issue", "Team", "User", "GET /user/assignable/search")
    office.fake.faults.at_random(5, 0.3, kinds, names)
    await office.record(*(alert(response=f"r{number}") for number in range(12)))
    # A worker that dies between sending and settling: its claims are taken over.
    for each in await office.ledger.claim(Sink.TASKS, 4):
        try:
            await office.sink.send(each)
        except SendError:
            continue
    await office.pool.execute("update deliveries set claimed_until = now() where state = 'claimed'")
    await office.work()
    assert len(office.fake.issues) == 12
    rows = await office.pool.fetch("select external_id from tasks")
    assert sorted(row["external_id"] for row in rows) == sorted(office.fake.issues)
    assert await office.pool.fetchval("select bool_and(state = 'done') from deliveries where sink = 'tasks'")


class Client:
    """Somebody who says that a task was closed."""

    def __init__(self, http: aiohttp.ClientSession, task_id: str) -> None:
        self.http = http
        self.task_id = task_id
        self.published: list[Action] = []

    async def publish(self, action: Action) -> None:
        if action.by == "Kafka is away":
            raise OSError
        self.published.append(action)

    async def post(self, body: object, *, secret: str = SECRET, late: float = 0.0, signed: bool = True) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        at = datetime.now(UTC) - timedelta(seconds=late)
        headers = signature.headers(signature.key(secret), "msg_1", at, raw) if signed else {}
        async with self.http.post(PATH, data=raw, headers=headers) as answer:
            return answer.status


@pytest.fixture
async def client(pool: asyncpg.Pool, postgres: str) -> AsyncIterator[Client]:
    """The pages with the endpoint, over a list with one task."""
    await Ledger(pool, lease=timedelta(minutes=5)).record([Revision(alert(), AT)], decide)
    fake, (port,) = FakeJira(), free_ports(1)
    async with fake.running(), aiohttp.ClientSession() as session:
        await Office(pool, fake, session).work()
    task_id = str(await pool.fetchval("select task_id from tasks"))
    database = Database(postgres)
    await database.open()
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        made = Client(http, task_id)
        hook = TaskHook(database, signature.key(SECRET), made.publish, lambda: datetime.now(UTC))
        app = build(postgres, task_hook=hook.receive)
        server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))
        with server.capture_signals():
            running = asyncio.create_task(server.serve())
            await until(lambda: server.started, what="the endpoint is served")
            yield made
            app.state.live.close()
            server.should_exit = True
            await running
    await database.close()


async def test_a_signed_message_is_a_follow_up_once(client: Client) -> None:
    body = {"type": "task.done", "data": {"id": client.task_id, "by": "Ana Diaz"}}
    assert [await client.post(body), await client.post(body)] == [204, 204]
    said = {(each.kind, str(each.alert_id), each.by) for each in client.published}
    assert said == {(ActionKind.FOLLOWED_UP, ALERT, "Ana Diaz")}
    assert len({each.action_id for each in client.published}) == 1


async def test_who_does_not_sign_is_refused(client: Client) -> None:
    body = {"type": "task.done", "data": {"id": client.task_id}}
    assert await client.post(body, secret="whsec_" + "A" * 32) == 401
    assert await client.post(body, late=400.0) == 401
    assert await client.post(body, signed=False) == 401
    assert client.published == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"no json", 400),
        ({"type": "task.done"}, 400),
        ({"type": "task.done", "data": {"id": ""}}, 400),
        ({"type": "task.done", "data": {"id": "unknown"}}, 204),
        ({"type": "task.done", "data": {"id": str(uuid4())}}, 204),
        (b"x" * 70_000, 413),
    ],
)
async def test_what_names_no_task_changes_nothing(client: Client, body: object, status: int) -> None:
    assert await client.post(body) == status
    assert client.published == []


async def test_a_message_of_another_kind_changes_nothing(client: Client) -> None:
    assert await client.post({"type": "task.renamed", "data": {"id": client.task_id}}) == 204
    assert client.published == []


async def test_without_kafka_the_sender_is_to_come_again(client: Client) -> None:
    body = {"type": "task.done", "data": {"id": client.task_id, "by": "Kafka is away"}}
    assert await client.post(body) == 503
