"""Tasks and drafts in Postgres, through the ledger as in life."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import asyncpg
import pytest

from schemas.action import Action, ActionKind
from schemas.alert import Alert, Status
from schemas.delivery import Change, LedgerRow, Sink
from schemas.digest import Digest
from schemas.workflow_files import load_workflows
from sinks.base import BatchSink, Outcome, Permanent, Receipt, Retriable
from sinks.email import Drafts
from sinks.ledger import Ledger, Revision, Settlement
from sinks.tasks import Tasks
from streams.route import changes
from tests.alerts import AT, alert

WORKFLOWS = load_workflows(None)


class Table:
    """A sink of rows, and the ledger before it."""

    def __init__(self, pool: asyncpg.Pool, name: Sink, sink: BatchSink) -> None:
        self.ledger = Ledger(pool, lease=timedelta(minutes=5))
        self.name, self.sink = name, sink

    async def take(self, *alerts: Alert) -> Sequence[Outcome]:
        await self.ledger.record([Revision(each, AT) for each in alerts], self._decide)
        claimed = await self.ledger.claim(self.name, 100)
        outcomes = await self.sink.send_all(claimed)
        results = [each if isinstance(each, Receipt) else None for each in outcomes]
        await self.ledger.settle([Settlement(*pair) for pair in zip(claimed, results, strict=True)])
        return outcomes

    @staticmethod
    def _decide(of: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
        return changes(of, WORKFLOWS, rows)


@pytest.fixture
def tasks(pool: asyncpg.Pool) -> Table:
    return Table(pool, Sink.TASKS, Tasks(pool))


@pytest.fixture
def drafts(pool: asyncpg.Pool) -> Table:
    return Table(pool, Sink.EMAIL, Drafts(pool, _never))


async def _never(action: Action) -> None:
    raise AssertionError(action.kind)


async def rows(pool: asyncpg.Pool, table: str) -> list[dict[str, Any]]:
    order = "version" if table == "email_drafts" else "due_at"
    return [dict(each) for each in await pool.fetch(f"select * from {table} order by {order}")]  # noqa: S608 (our own two)


async def test_a_task_for_the_csm_in_a_day(tasks: Table, pool: asyncpg.Pool) -> None:
    (receipt,) = await tasks.take(alert())
    (task,) = await rows(pool, "tasks")
    assert receipt == Receipt("tasks", task["task_id"])
    assert task["title"] == "Follow up on poor support experience: GlobalTech"
    assert (task["owner_email"], task["priority"], task["status"]) == ("ana@example.com", "high", "open")
    assert task["due_at"] == AT + timedelta(hours=24)


async def test_a_later_revision_changes_the_task_and_leaves_its_due_time(tasks: Table, pool: asyncpg.Pool) -> None:
    await tasks.take(alert(customer=None))
    later = alert(revision=2, status=Status.UPDATED, detected_at=AT + timedelta(days=3))
    await tasks.take(later)
    (task,) = await rows(pool, "tasks")
    assert (task["title"], task["owner_email"]) == (
        "Follow up on poor support experience: GlobalTech",
        "ana@example.com",
    )
    assert task["due_at"] == AT + timedelta(hours=24)


async def test_a_retraction_cancels_the_task_and_firing_again_opens_it(tasks: Table, pool: asyncpg.Pool) -> None:
    await tasks.take(alert())
    await tasks.take(alert(revision=2, status=Status.RETRACTED))
    (task,) = await rows(pool, "tasks")
    assert task["status"] == "cancelled"
    assert task["closed_at"] is not None
    await tasks.take(alert(revision=3))
    (task,) = await rows(pool, "tasks")
    assert (task["status"], task["closed_at"]) == ("open", None)


async def test_a_task_that_is_done_stays_done(tasks: Table, pool: asyncpg.Pool) -> None:
    await tasks.take(alert())
    await pool.execute("update tasks set status = 'done', closed_at = now()")
    await tasks.take(alert(revision=2, status=Status.UPDATED))
    await tasks.take(alert(revision=3, status=Status.RETRACTED))
    assert [task["status"] for task in await rows(pool, "tasks")] == ["done"]


async def test_the_same_step_twice_is_one_task_and_one_draft(tasks: Table, drafts: Table, pool: asyncpg.Pool) -> None:
    for table, name in ((tasks, Sink.TASKS), (drafts, Sink.EMAIL)):
        await table.ledger.record([Revision(alert(), AT)], table._decide)
        claimed = await table.ledger.claim(name, 8)
        assert await table.sink.send_all(claimed) == await table.sink.send_all(claimed)
    assert len(await rows(pool, "tasks")) == len(await rows(pool, "email_drafts")) == 1


async def test_a_batch_is_done_but_for_the_one_that_cannot_be(tasks: Table, pool: asyncpg.Pool) -> None:
    await tasks.ledger.record([Revision(alert(response=name), AT) for name in "abc"], tasks._decide)
    claimed = await tasks.ledger.claim(Sink.TASKS, 8)
    await pool.execute(
        "delete from deliveries where alert_id = $1 and step = $2", str(claimed[1].alert.alert_id), claimed[1].step
    )
    outcomes = await tasks.sink.send_all(claimed)
    assert [type(outcome) for outcome in outcomes] == [Receipt, Permanent, Receipt]
    assert str(outcomes[1]) == "postgres: ForeignKeyViolationError"


async def test_a_title_that_does_not_fit_its_values_fails_alone(tasks: Table, pool: asyncpg.Pool) -> None:
    await tasks.ledger.record([Revision(alert(response=name), AT) for name in "ab"], tasks._decide)
    broken = '{"title": "{% if feedback > 3 %}{% endif %}"}'
    await pool.execute(
        "update deliveries set config = $1::text::jsonb where alert_id = $2", broken, str(alert(response="a").alert_id)
    )
    claimed = await tasks.ledger.claim(Sink.TASKS, 8)
    outcomes = dict(
        zip([each.about_customer.response_id for each in claimed], await tasks.sink.send_all(claimed), strict=True)
    )
    assert isinstance(outcomes["a"], Permanent)
    assert isinstance(outcomes["b"], Receipt)


@pytest.mark.parametrize("sink", [Tasks, Drafts])
async def test_a_database_that_is_away_is_tried_again(tasks: Table, pool: asyncpg.Pool, sink: Any) -> None:
    await tasks.ledger.record([Revision(alert(), AT)], tasks._decide)
    name = Sink.TASKS if sink is Tasks else Sink.EMAIL
    claimed = await tasks.ledger.claim(name, 8)

    class Away:
        def acquire(self) -> Any:
            raise ConnectionRefusedError("postgresql://user:secret@host")

    made: BatchSink = (
        Tasks(cast("asyncpg.Pool", Away())) if sink is Tasks else Drafts(cast("asyncpg.Pool", Away()), _never)
    )
    (outcome,) = await made.send_all(claimed)
    assert isinstance(outcome, Retriable)
    assert str(outcome) == "postgres: ConnectionRefusedError"


async def test_a_draft_to_who_answered_from_the_csm(drafts: Table, pool: asyncpg.Pool) -> None:
    (receipt,) = await drafts.take(alert())
    (draft,) = await rows(pool, "email_drafts")
    assert receipt == Receipt("drafts", draft["draft_id"])
    assert (draft["version"], draft["status"], draft["step"].rpartition("/")[2]) == (1, "draft", "draft_follow_up")
    assert (draft["to_email"], draft["from_email"]) == ("pat@globaltech.example", "ana@example.com")
    assert "GlobalTech" not in draft["subject"]
    assert "TKT-2026-4521" in draft["subject"]


async def test_nobody_to_send_to_is_null(drafts: Table, pool: asyncpg.Pool) -> None:
    await drafts.take(alert(customer=None))
    assert [draft["to_email"] for draft in await rows(pool, "email_drafts")] == [None]


async def test_another_content_is_another_version_and_the_same_is_not(drafts: Table, pool: asyncpg.Pool) -> None:
    await drafts.take(alert(customer=None))
    await drafts.take(alert(customer=None, revision=2, status=Status.UPDATED))
    await drafts.take(alert(revision=3, status=Status.UPDATED))
    found = await rows(pool, "email_drafts")
    assert [(draft["version"], draft["status"]) for draft in found] == [(1, "discarded"), (2, "draft")]
    assert found[1]["to_name"] == "Pat Lee"


async def test_a_retraction_discards_the_draft_and_firing_again_makes_one(drafts: Table, pool: asyncpg.Pool) -> None:
    await drafts.take(alert())
    await drafts.take(alert(revision=2, status=Status.RETRACTED))
    await drafts.take(alert(revision=3))
    assert [draft["status"] for draft in await rows(pool, "email_drafts")] == ["discarded", "draft"]


async def test_a_draft_that_was_sent_stays(drafts: Table, pool: asyncpg.Pool) -> None:
    await drafts.take(alert())
    await pool.execute("update email_drafts set status = 'sent'")
    await drafts.take(alert(revision=2, status=Status.UPDATED, rating=2))
    await drafts.take(alert(revision=3, status=Status.RETRACTED))
    assert [draft["status"] for draft in await rows(pool, "email_drafts")] == ["sent"]


async def test_a_workflow_that_says_so_asks_for_the_draft_to_be_sent_once(drafts: Table, pool: asyncpg.Pool) -> None:
    published: list[Action] = []
    away: list[Exception] = [ConnectionRefusedError("kafka://user:secret@host")]

    async def publish(action: Action) -> None:
        if away:
            raise away.pop()
        published.append(action)

    drafts.sink = Drafts(pool, publish)
    await drafts.ledger.record([Revision(alert(), AT)], drafts._decide)
    await pool.execute("""update deliveries set config = config || '{"action": "send_email"}' where sink = 'email'""")
    claimed = await drafts.ledger.claim(Sink.EMAIL, 8)
    (outcome,) = await drafts.sink.send_all(claimed)
    assert isinstance(outcome, Retriable)
    assert str(outcome) == "kafka: ConnectionRefusedError"
    for _ in range(2):
        assert isinstance((await drafts.sink.send_all(claimed))[0], Receipt)
    assert len({each.action_id for each in published}) == 1
    request = published[0]
    assert (request.kind, request.by) == (ActionKind.WORKFLOW_EMAIL_REQUESTED, "support_satisfaction_response")
    assert request.to is not None
    assert request.to.email == "pat@globaltech.example"
    (draft,) = await rows(pool, "email_drafts")
    assert (str(request.draft_id), request.draft_version, request.subject) == (draft["draft_id"], 1, draft["subject"])
    # Once it is on its way it is not asked for again.
    await pool.execute("update email_drafts set status = 'sent'")
    await drafts.sink.send_all(claimed)
    assert len(published) == 2


async def test_what_nobody_can_be_sent_fails_visibly_where_a_workflow_would_send_it(
    drafts: Table, pool: asyncpg.Pool
) -> None:
    await drafts.ledger.record([Revision(alert(customer=None), AT)], drafts._decide)
    await pool.execute("""update deliveries set config = config || '{"action": "send_email"}' where sink = 'email'""")
    (outcome,) = await drafts.sink.send_all(await drafts.ledger.claim(Sink.EMAIL, 8))
    assert isinstance(outcome, Permanent)
    assert "has an address to send it to" in str(outcome)
