"""After a restore the ledger does not know what the lost one has sent: it looks first, and sends nothing twice."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from schemas.action import Action, ActionKind
from schemas.alert import Severity
from schemas.delivery import Sink, State
from sinks.actions import Actions, Arrival
from sinks.postgres import queries
from tests.alerts import AT, alert
from tests.integration.delivery.stand import GUIDE, Bench, of


@pytest.fixture(autouse=True)
def _by_the_policy(bench: Bench) -> None:
    bench.guide = GUIDE


async def _lose_all(pool: asyncpg.Pool) -> None:
    """The database is that of a backup from before there was anything; then `csatwatch state rewind`."""
    await pool.execute("truncate alerts, deliveries, tasks, email_drafts, actions cascade")
    await pool.execute(queries("ledger")["rewound"], AT)
    await pool.execute(queries("ledger")["lost_track"])


async def _places(bench: Bench) -> dict[str, tuple[str, str, str | None]]:
    rows = await bench.pool.fetch(
        "select alert_id, destination, external_id, thread from deliveries where sink = 'slack' and step not like '%#%'"
    )
    return {str(row["alert_id"]): (row["destination"], row["external_id"], row["thread"]) for row in rows}


async def test_a_message_is_found_wherever_it_stands(bench: Bench) -> None:
    first = of(1)
    second = alert(response="other", customer=first.customer, severity=Severity.HIGH)
    bench.start()
    for each in (first, second):
        await bench.record(each)
        await bench.settled(State.DONE)
    before, texts = await _places(bench), [message.ts for message in bench.slack.messages()]
    assert before[str(second.alert_id)][2] == before[str(first.alert_id)][1]

    await bench.stop()
    await _lose_all(bench.pool)
    bench.start()
    # The other way round: the message above is not known when the one in its thread is looked for.
    for each in (second, first):
        await bench.record(each)
        await bench.settled(State.DONE)
    assert await _places(bench) == before
    assert [message.ts for message in bench.slack.messages()] == texts
    assert len(texts) == 2


async def test_what_the_lost_ledger_did_not_send_is_sent(bench: Bench) -> None:
    await _lose_all(bench.pool)
    bench.start()
    await bench.record(of(1))
    await bench.settled(State.DONE)
    assert len(bench.slack.messages()) == 1


async def test_what_comes_after_the_restore_is_not_looked_for(bench: Bench) -> None:
    await bench.pool.execute("insert into rewinds values ($1, $1)", AT - timedelta(seconds=1))
    bench.start()
    await bench.record(of(1))
    await bench.settled(State.DONE)
    assert bench.slack.calls("conversations.history") == []


async def test_a_retry_of_before_is_recorded_and_not_done_again(bench: Bench, pool: asyncpg.Pool) -> None:
    await bench.record(of(1))
    await pool.execute("update deliveries set state = 'failed'")
    await pool.execute(queries("ledger")["rewound"], AT)
    wanted = of(1)

    def retried(at: datetime) -> Arrival:
        return Arrival(
            Action(
                action_id=uuid4(),
                alert_id=wanted.alert_id,
                customer_id=wanted.customer_id,
                kind=ActionKind.RETRIED,
                by="olga@example.com",
                at=at,
                step="support_satisfaction_response/notify_csm",
            ),
            0,
        )

    actions = Actions(pool, bench.ledger())
    now = datetime.now(UTC)
    assert await actions.store([retried(now - timedelta(hours=1))]) == 1
    assert (await bench.rows(Sink.SLACK))["support_satisfaction_response/notify_csm"]["state"] == State.FAILED
    assert await actions.store([retried(now + timedelta(hours=1))]) == 1
    assert (await bench.rows(Sink.SLACK))["support_satisfaction_response/notify_csm"]["state"] == State.DUE
