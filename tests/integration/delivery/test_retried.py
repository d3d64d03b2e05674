"""A step that was given up is tried again because somebody asked for it, as `csm-actions` says."""

from datetime import timedelta
from uuid import uuid4

import asyncpg

from schemas.action import Action, ActionKind
from schemas.delivery import Sink, State
from sinks.actions import Actions, Arrival
from sinks.base import Receipt
from sinks.ledger import Failure, Ledger, Revision, Settlement
from streams.route import changes
from tests.alerts import AT, alert
from tests.integration.delivery.stand import WORKFLOWS

STEP = "support_satisfaction_response/notify_csm"


async def test_it_is_due_again_once_an_action(pool: asyncpg.Pool) -> None:
    ledger = Ledger(pool, lease=timedelta(minutes=5))
    await ledger.record([Revision(alert(), AT)], lambda each, rows: changes(each, WORKFLOWS, rows))
    actions = Actions(pool, ledger)
    asked = Action(
        action_id=uuid4(),
        alert_id=alert().alert_id,
        customer_id=alert().customer_id,
        kind=ActionKind.RETRIED,
        by="olga@example.com",
        at=AT,
        step=STEP,
    )

    async def give_up() -> None:
        (claimed,) = await ledger.claim(Sink.SLACK, 8)
        await ledger.settle([Settlement(claimed, Failure("chat.postMessage: is_archived"))])

    async def state() -> str:
        return str(await pool.fetchval("select state from deliveries where step = $1", STEP))

    await give_up()
    assert await actions.store([Arrival(asked, 0)]) == 1
    assert await state() == State.DUE
    await give_up()
    assert await actions.store([Arrival(asked, 0)]) == 0, "read twice from the topic"
    assert await state() == State.FAILED
    await actions.store([Arrival(asked.model_copy(update={"action_id": uuid4()}), 0)])
    (claimed,) = await ledger.claim(Sink.SLACK, 8)
    await ledger.settle([Settlement(claimed, Receipt("D1", "1.1"))])
    # What is done is left alone.
    await actions.store([Arrival(asked.model_copy(update={"action_id": uuid4()}), 0)])
    assert await state() == State.DONE
    # Nobody has the alert in hand by that.
    assert not claimed.life.deeds
