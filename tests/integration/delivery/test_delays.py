"""Steps that wait, and those that fall away meanwhile, on a real ledger."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from schemas.alert import Alert, Status
from schemas.delivery import Change, LedgerRow, Sink
from schemas.digest import Digest
from schemas.workflow import Workflow
from sinks.base import Delivery, Receipt
from sinks.ledger import Ledger, Retry, Revision, Settlement
from sinks.tasks import Tasks
from streams.route import changes
from tests.alerts import AT, CUSTOMER, alert

WORKFLOWS = (
    Workflow.model_validate(
        {
            "workflow": "patient",
            "version": "1",
            "trigger": {"type": "event", "event": "support_csat_received"},
            "steps": [
                {"id": "now", "action": "create_task", "config": {"title": "Now"}},
                {
                    "id": "later",
                    "action": "create_task",
                    "after": "48h",
                    "unless": "acknowledged",
                    "when": {"rating": {"eq": 1}},
                    "config": {"title": "Later", "priority": "low"},
                    "variants": [{"when": {"customer.tier": {"eq": "gold"}}, "config": {"priority": "urgent"}}],
                },
            ],
        }
    ),
)
NOW, LATER = "patient/now", "patient/later"


def decide(of: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
    return changes(of, WORKFLOWS, rows)


@pytest.fixture
def ledger(pool: asyncpg.Pool) -> Ledger:
    return Ledger(pool, lease=timedelta(minutes=5))


async def record(ledger: Ledger, of: Alert) -> None:
    await ledger.record([Revision(of, AT)], decide)


async def pass_time(pool: asyncpg.Pool, hours: float) -> None:
    """As if the ledger's clock had gone on."""
    by = timedelta(hours=hours)
    await pool.execute(
        "update deliveries set created_at = created_at - $1::interval, due_at = due_at - $1::interval, "
        "not_before = not_before - $1::interval",
        by,
    )


async def act(ledger: Ledger, pool: asyncpg.Pool, kind: str, *, revisit: bool = True) -> None:
    await pool.execute(
        "insert into actions (action_id, alert_id, customer_id, kind, by, at) values ($1, $2, $3, $4, 'Ana', now())",
        str(uuid4()),
        str(alert().alert_id),
        CUSTOMER.customer_id,
        kind,
    )
    if revisit:
        await ledger.revisit(str(alert().alert_id))


async def deliver(ledger: Ledger, pool: asyncpg.Pool) -> list[str]:
    """Carry out what is due now; the steps."""
    claimed = await ledger.claim(Sink.TASKS, 10)
    outcomes = await Tasks(pool).send_all(claimed)
    await ledger.settle(
        [Settlement(each, made) for each, made in zip(claimed, outcomes, strict=True) if isinstance(made, Receipt)]
    )
    return sorted(each.step for each in claimed)


async def state(pool: asyncpg.Pool, step: str = LATER) -> tuple[str, str | None]:
    row = await pool.fetchrow("select state, error from deliveries where step = $1", step)
    assert row
    return row["state"], row["error"]


async def test_a_step_waits_for_its_time(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    assert await deliver(ledger, pool) == [NOW]
    await pass_time(pool, 47.9)
    assert await deliver(ledger, pool) == []
    await pass_time(pool, 0.2)
    assert await deliver(ledger, pool) == [LATER]
    assert await pool.fetchval("select priority from tasks where step = $1", LATER) == "low"


async def test_later_revisions_do_not_make_it_wait_anew_or_go_early(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await deliver(ledger, pool)
    await pass_time(pool, 24)
    gold = CUSTOMER.model_copy(update={"tier": "gold"})
    await record(ledger, alert(revision=2, status=Status.UPDATED, customer=gold))
    assert await deliver(ledger, pool) == [NOW]
    await pass_time(pool, 24.1)
    assert await deliver(ledger, pool) == [LATER]
    assert await pool.fetchval("select priority from tasks where step = $1", LATER) == "urgent"
    await record(ledger, alert(revision=3, status=Status.UPDATED, feedback="More"))
    assert await deliver(ledger, pool) == [LATER, NOW]


@pytest.mark.parametrize("kind", ["acknowledged", "followed_up", "email_sent", "not_useful"])
async def test_what_somebody_does_in_time_makes_it_needless(ledger: Ledger, pool: asyncpg.Pool, kind: str) -> None:
    await record(ledger, alert())
    await act(ledger, pool, kind)
    assert await state(pool) == ("cancelled", kind)
    await pass_time(pool, 49)
    assert LATER not in await deliver(ledger, pool)


async def test_what_does_not_count_changes_nothing(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    for kind in ("snoozed", "email_requested", "email_failed"):
        await act(ledger, pool, kind)
    await pass_time(pool, 49)
    assert LATER in await deliver(ledger, pool)


async def test_an_action_that_nobody_told_of_is_found_at_the_claim(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await act(ledger, pool, "acknowledged", revisit=False)
    assert await state(pool) == ("due", None)
    await pass_time(pool, 49)
    assert LATER not in await deliver(ledger, pool)
    assert await state(pool) == ("cancelled", "acknowledged")


async def test_what_was_acknowledged_stays_off_whatever_comes_later(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await act(ledger, pool, "acknowledged")
    await record(ledger, alert(revision=2, status=Status.UPDATED, feedback="More"))
    await pass_time(pool, 49)
    assert LATER not in await deliver(ledger, pool)
    assert await state(pool) == ("cancelled", "acknowledged")


async def test_a_condition_that_holds_no_longer_cancels_the_step_and_one_that_holds_again_brings_it_back(
    ledger: Ledger, pool: asyncpg.Pool
) -> None:
    await record(ledger, alert())
    await record(ledger, alert(revision=2, status=Status.UPDATED, rating=2))
    assert (await state(pool))[0] == "cancelled"
    await pass_time(pool, 49)
    assert LATER not in await deliver(ledger, pool)
    await record(ledger, alert(revision=3, status=Status.UPDATED, rating=1))
    assert LATER in await deliver(ledger, pool)


async def test_a_retraction_cancels_what_waits(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await record(ledger, alert(revision=2, status=Status.RETRACTED, rating=5))
    assert (await state(pool))[0] == "cancelled"


async def test_what_may_have_been_shown_is_not_called_off(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await pass_time(pool, 49)
    claimed: dict[str, Delivery] = {each.step: each for each in await ledger.claim(Sink.TASKS, 10)}
    await ledger.settle([Settlement(claimed[LATER], Retry(0.0, "no answer", uncertain=True))])
    await act(ledger, pool, "acknowledged")
    found = {each.step: each for each in await ledger.claim(Sink.TASKS, 10)}
    assert found[LATER].uncertain


async def test_a_follow_up_closes_the_task(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await deliver(ledger, pool)
    await act(ledger, pool, "followed_up")
    assert await deliver(ledger, pool) == [NOW]
    row: Any = await pool.fetchrow("select status, closed_at from tasks where step = $1", NOW)
    assert row["status"] == "done"
    assert row["closed_at"] is not None
    await record(ledger, alert(revision=2, status=Status.UPDATED, feedback=json.dumps("again")))
    await deliver(ledger, pool)
    assert await pool.fetchval("select status from tasks where step = $1", NOW) == "done"
