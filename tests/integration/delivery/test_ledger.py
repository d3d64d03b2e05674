import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from schemas.alert import Alert, Severity, Status
from schemas.customer import Person
from schemas.delivery import Change, LedgerRow, Sink, State
from schemas.digest import Digest
from schemas.workflow_files import load_workflows
from sinks.base import Delivery, Receipt
from sinks.deliveries import Deliveries, Wanted
from sinks.ledger import Failure, Ledger, Retry, Revision, Settlement
from streams.route import changes
from tests.alerts import AT, CUSTOMER, GLOBALTECH, alert, trend

WORKFLOWS = load_workflows(None)
LEASE = timedelta(minutes=5)
NOTIFY, TASK, DRAFT = (
    f"support_satisfaction_response/{step}" for step in ("notify_csm", "create_task", "draft_follow_up")
)
FAILED = Wanted(states=[State.FAILED])
SHOWN = Receipt("D1", "1.1", csm_notified=True)


def decide(of: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
    return changes(of, WORKFLOWS, rows)


@pytest.fixture
def ledger(pool: asyncpg.Pool) -> Ledger:
    return Ledger(pool, lease=LEASE)


async def record(ledger: Ledger, *alerts: Alert) -> int:
    return await ledger.record([Revision(each, AT) for each in alerts], decide)


async def claim_one(ledger: Ledger, sink: Sink = Sink.SLACK) -> Delivery:
    (claimed,) = await ledger.claim(sink, 8)
    return claimed


async def settle(ledger: Ledger, delivery: Delivery, result: Receipt | Retry | Failure | None) -> bool:
    return bool(await ledger.settle([Settlement(delivery, result)]))


async def end_leases(pool: asyncpg.Pool) -> None:
    await pool.execute("update deliveries set claimed_until = now() - interval '1 s' where state = 'claimed'")


async def row(pool: asyncpg.Pool, step: str = NOTIFY) -> Any:
    return await pool.fetchrow("select * from deliveries where step = $1", step)


async def states(pool: asyncpg.Pool) -> dict[str, str]:
    return {each["step"]: each["state"] for each in await pool.fetch("select step, state from deliveries")}


async def test_an_alert_and_its_steps_are_recorded_together(ledger: Ledger, pool: asyncpg.Pool) -> None:
    assert await record(ledger, alert()) == 1
    assert await states(pool) == {NOTIFY: "due", TASK: "due", DRAFT: "due"}
    (kept,) = await pool.fetch("select * from alerts")
    assert Alert.model_validate(kept["record"]) == alert()
    assert (kept["severity_rank"], kept["published_at"]) == (0, AT)
    (answer,) = await pool.fetch("select * from support_satisfaction")
    assert (answer["response_id"], answer["rating"], answer["csm_notified"]) == ("TKT-2026-4521", 1, False)


async def test_a_repeat_and_an_older_revision_change_nothing(ledger: Ledger, pool: asyncpg.Pool) -> None:
    second = alert(revision=2, status=Status.UPDATED, rating=2)
    await record(ledger, second)
    before = await pool.fetch("select * from deliveries order by step")
    assert await record(ledger, second, alert()) == 0
    assert await record(ledger) == 0
    assert await pool.fetch("select * from deliveries order by step") == before
    assert await pool.fetchval("select revision from alerts") == 2


async def test_of_several_revisions_in_a_batch_the_newest_counts(ledger: Ledger, pool: asyncpg.Pool) -> None:
    over = alert(revision=2, status=Status.RETRACTED)
    assert await record(ledger, over, alert()) == 1
    assert await states(pool) == {}
    assert await pool.fetchval("select status from alerts") == "retracted"


async def test_nothing_is_recorded_where_deciding_fails(ledger: Ledger, pool: asyncpg.Pool) -> None:
    def fail(of: Alert | Digest, rows: Sequence[LedgerRow]) -> Sequence[Change]:
        raise LookupError

    with pytest.raises(LookupError):
        await ledger.record([Revision(alert(), AT)], fail)
    assert await pool.fetchval("select count(*) from alerts") == 0
    assert await pool.fetchval("select count(*) from customers") == 0


async def test_a_silent_alert_is_recorded_without_steps(ledger: Ledger, pool: asyncpg.Pool) -> None:
    assert await record(ledger, alert(silent=True)) == 1
    assert await states(pool) == {}


async def test_the_rows_of_store_are_left_alone(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await pool.execute("insert into customers (customer_id, name) values ($1, 'Known')", GLOBALTECH)
    await pool.execute(
        "insert into tickets (customer_id, ticket_id, assignee) values ($1, 'TKT-2026-4521', 'Sam')", GLOBALTECH
    )
    await pool.execute(
        "insert into support_satisfaction "
        "(customer_id, response_id, event_id, ticket_id, rating, feedback, responded_at) "
        "values ($1, 'TKT-2026-4521', 'e', 'TKT-2026-4521', 1, 'kept', $2)",
        GLOBALTECH,
        AT,
    )
    await record(ledger, alert())
    assert await pool.fetchval("select name from customers") == "Known"
    assert await pool.fetchval("select assignee from tickets") == "Sam"
    assert await pool.fetchval("select feedback from support_satisfaction") == "kept"


async def test_a_claim_hands_over_everything(ledger: Ledger) -> None:
    await record(ledger, alert())
    claimed = await claim_one(ledger)
    assert claimed.alert == alert()
    assert claimed.config["message_template"] == "support_satisfaction_drop"
    assert (claimed.lane, claimed.shown_revision, claimed.uncertain) == ("ana@example.com", 0, False)
    assert claimed.published_at == AT
    assert await ledger.claim(Sink.SLACK, 8) == []


async def test_done_is_done_and_the_csm_is_notified(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    assert await settle(ledger, await claim_one(ledger), SHOWN)
    found = await row(pool)
    assert (found["state"], found["shown_revision"], found["destination"], found["external_id"]) == (
        "done",
        1,
        "D1",
        "1.1",
    )
    assert (found["claimed_by"], found["claimed_until"], found["uncertain"]) == (None, None, False)
    assert await pool.fetchval("select csm_notified from support_satisfaction")
    assert await ledger.claim(Sink.SLACK, 8) == []


async def test_another_channel_or_another_sink_notifies_nobody(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert(), trend(response="t"))
    await settle(ledger, await claim_one(ledger, Sink.EMAIL), Receipt("drafts", "x"))
    first = await claim_one(ledger)
    await settle(ledger, first, Receipt("C0ALERTS", "1.1"))
    await settle(ledger, await claim_one(ledger), SHOWN)
    assert await pool.fetchval("select count(*) from support_satisfaction where csm_notified") == 0


async def test_the_most_severe_goes_first_one_a_lane(ledger: Ledger) -> None:
    def of(response: str, severity: Severity, name: str) -> Alert:
        csm = CUSTOMER.csm and CUSTOMER.csm.model_copy(update={"email": f"{name}@example.com"})
        return alert(response=response, severity=severity, customer=CUSTOMER.model_copy(update={"csm": csm}))

    await record(ledger, of("a", Severity.LOW, "ana"), of("b", Severity.CRITICAL, "ana"), of("c", Severity.HIGH, "bo"))
    claimed = await ledger.claim(Sink.SLACK, 8)
    assert [each.about_customer.response_id for each in claimed] == ["b", "c"]
    assert await ledger.claim(Sink.SLACK, 8, {"ana@example.com", "bo@example.com"}) == []
    assert await ledger.claim(Sink.SLACK, 8) == [], "ana's lane is taken, whoever asks"
    await settle(ledger, claimed[0], SHOWN)
    (third,) = await ledger.claim(Sink.SLACK, 8, {"bo@example.com"})
    assert third.about_customer.response_id == "a"


async def test_a_lane_rests_whoever_sent_into_it(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert(), alert(response="r2"))
    first = await claim_one(ledger)
    await settle(ledger, first, Receipt("D1", "1.1", rest=1000.0))
    other_worker = Ledger(pool, lease=LEASE)
    assert await other_worker.claim(Sink.SLACK, 8) == []
    # An edit of what was sent just now asks for no rest of its own, and ends none.
    again = "update deliveries set state = 'due', due_at = '2000-01-01', rests_until = now() where shown_revision > 0"
    await pool.execute(again)
    edited = await claim_one(ledger)
    assert edited.alert.alert_id == first.alert.alert_id
    await pool.execute("update deliveries set rests_until = now() + interval '1000 s' where shown_revision > 0")
    await settle(ledger, edited, Receipt("D1", "1.1"))
    assert await other_worker.claim(Sink.SLACK, 8) == []
    await pool.execute("update deliveries set rests_until = now()")
    second = await claim_one(other_worker)
    assert second.alert.alert_id != first.alert.alert_id
    await settle(other_worker, second, Retry(0.0, "rate limited", uncertain=False, rest=1000.0))
    assert await ledger.claim(Sink.SLACK, 8) == []


async def test_a_worker_that_died_holds_up_its_own_lanes_alone(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert(severity=Severity.LOW))
    await claim_one(ledger)
    bo = CUSTOMER.model_copy(update={"csm": Person(name="Bo", email="bo@example.com")})
    await record(ledger, alert(response="r2"), alert(response="r3", customer=bo))
    goes_on = await claim_one(ledger)
    assert goes_on.lane == "bo@example.com"
    await settle(ledger, goes_on, SHOWN)
    await end_leases(pool)
    assert (await claim_one(ledger)).alert.severity is Severity.CRITICAL


async def test_rows_without_a_lane_come_all_at_once(ledger: Ledger) -> None:
    await record(ledger, *(alert(response=f"r{number}") for number in range(20)))
    assert len(await ledger.claim(Sink.TASKS, 15)) == 15
    assert len(await ledger.claim(Sink.TASKS, 15)) == 5


async def test_the_claims_of_two_workers_never_overlap(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, *(alert(response=f"r{number}") for number in range(200)))
    other = Ledger(pool, lease=LEASE)

    async def work(mine: Ledger) -> list[str]:
        found: list[str] = []
        while claimed := await mine.claim(Sink.TASKS, 3):
            found += [each.about_customer.response_id for each in claimed]
        return found

    shares = await asyncio.gather(*(work(each) for each in (ledger, other, ledger, other)))
    everything = [response for share in shares for response in share]
    assert len(everything) == len(set(everything))
    # A row that another worker looks at just now is passed over: nobody has seen the end before all are taken.
    rest = await ledger.claim(Sink.TASKS, 200)
    assert len(everything) + len(rest) == 200


async def test_a_retry_waits_and_says_why(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await settle(ledger, await claim_one(ledger), Retry(60, "chat.postMessage: HTTP 500", uncertain=True))
    found = await row(pool)
    assert (found["state"], found["attempts"], found["error"]) == ("due", 1, "chat.postMessage: HTTP 500")
    assert found["due_at"] - await pool.fetchval("select now()") > timedelta(seconds=50)
    assert await ledger.claim(Sink.SLACK, 8) == []
    await pool.execute("update deliveries set due_at = now()")
    again = await claim_one(ledger)
    assert (again.uncertain, again.attempts) == (True, 1)


async def test_a_lease_that_ended_is_taken_over_in_doubt_and_the_first_can_settle_nothing(
    ledger: Ledger, pool: asyncpg.Pool
) -> None:
    await record(ledger, alert())
    first = await claim_one(ledger)
    assert await ledger.remember(first, "D1")
    await end_leases(pool)
    second = await claim_one(ledger)
    assert (second.uncertain, second.destination, second.external_id) == (True, "D1", None)
    assert not await ledger.remember(first, "D2")
    for result in (SHOWN, Retry(1, "x", uncertain=False), Failure("x"), None):
        assert not await settle(ledger, first, result)
    await ledger.release([first])
    assert (await row(pool))["state"] == "claimed"
    assert not await pool.fetchval("select csm_notified from support_satisfaction")
    assert await settle(ledger, second, SHOWN)


async def test_remembering_starts_the_lease_anew(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    claimed = await claim_one(ledger)
    await end_leases(pool)
    assert await ledger.remember(claimed, "D1")
    assert await ledger.claim(Sink.SLACK, 8) == []


async def test_a_lease_that_ended_with_nobody_there_can_still_be_settled(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    claimed = await claim_one(ledger)
    await end_leases(pool)
    assert await settle(ledger, claimed, SHOWN)


async def test_what_was_released_is_due_at_once_without_doubt(ledger: Ledger) -> None:
    await record(ledger, alert())
    await ledger.release([await claim_one(ledger)])
    assert not (await claim_one(ledger)).uncertain


async def test_a_revision_during_the_send_is_due_after_it(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    claimed = await claim_one(ledger)
    await record(ledger, alert(revision=2, status=Status.RETRACTED))
    assert await states(pool) == {NOTIFY: "claimed", TASK: "cancelled", DRAFT: "cancelled"}
    await settle(ledger, claimed, SHOWN)
    again = await claim_one(ledger)
    assert (again.alert.status, again.shown_revision) == (Status.RETRACTED, 1)
    assert (again.destination, again.external_id) == ("D1", "1.1")
    await settle(ledger, again, SHOWN)
    assert (await row(pool))["state"] == "done"


async def test_a_revision_during_a_send_that_fails_is_tried(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert(customer=None))
    claimed = await claim_one(ledger)
    await record(ledger, alert(revision=2, status=Status.UPDATED))
    await settle(ledger, claimed, Failure("no CSM"))
    assert (await claim_one(ledger)).about_customer.customer == CUSTOMER


async def test_a_retraction_cancels_what_was_not_done(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await settle(ledger, await claim_one(ledger, Sink.TASKS), Receipt("tasks", "1"))
    await record(ledger, alert(revision=2, status=Status.RETRACTED))
    assert await states(pool) == {NOTIFY: "cancelled", TASK: "due", DRAFT: "cancelled"}
    await record(ledger, alert(revision=3, status=Status.FIRING))
    assert await states(pool) == {NOTIFY: "due", TASK: "due", DRAFT: "due"}


async def test_nothing_to_show_is_cancelled(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert())
    await settle(ledger, await claim_one(ledger), None)
    assert (await row(pool))["state"] == "cancelled"


async def test_a_failure_is_visible_and_can_be_run_again(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert(), alert(response="b"))
    await settle(ledger, await claim_one(ledger), Failure("chat.postMessage: channel_not_found"))
    looked = Deliveries(pool)
    (failed,) = await looked.steps(FAILED, most=9)
    assert (failed["step"], failed["error"]) == (NOTIFY, "chat.postMessage: channel_not_found")
    assert (await looked.retry(Wanted(alert=failed["alert_id"], step=TASK))).steps == []
    assert len((await looked.retry(Wanted(alert=failed["alert_id"], step=NOTIFY))).steps) == 1
    assert await looked.steps(FAILED, most=9) == []
    assert len(await looked.steps(Wanted(), most=9)) == 6
    assert await ledger.waiting() == dict.fromkeys(Sink, 0) | {Sink.SLACK: 2, Sink.TASKS: 2, Sink.EMAIL: 2}
    await settle(ledger, await claim_one(ledger), Failure("x"))
    assert len((await looked.retry(Wanted())).steps) == 1


async def test_a_record_that_cannot_be_read_fails_alone(ledger: Ledger, pool: asyncpg.Pool) -> None:
    await record(ledger, alert(), alert(response="b"))
    await pool.execute("update alerts set record = '{}' where response_id = 'b'")
    claimed = await ledger.claim(Sink.TASKS, 8)
    assert [each.about_customer.response_id for each in claimed] == ["TKT-2026-4521"]
    (failed,) = await Deliveries(pool).steps(FAILED, most=9)
    assert failed["error"] == "the alert's record cannot be read"
