"""What is said of an alert after its message, to whom, and in whose thread."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agents.guide import Guide
from schemas.action import ActionKind
from schemas.alert import Alert, Severity, Status
from schemas.customer import Person
from schemas.delivery import Sink, State
from schemas.notify import Daily, Notify
from schemas.policy import load_policy
from sinks.base import Delivery, Permanent, Receipt
from sinks.deliveries import Deliveries, Wanted
from streams.notify import Channels
from tests.alerts import CUSTOMER, TICKET, alert, trend
from tests.deliveries import SLACK_STEP
from tests.integration.delivery.stand import GUIDE, Bench, of
from tests.servers.fake_slack import FakeSlack
from tests.servers.slack_workspace import Message
from tests.servers.wait import until

TREND_STEP = "support_trend_response/notify_csm"


@pytest.fixture
def guided(bench: Bench) -> Bench:
    return replace(bench, guide=GUIDE)


def with_deputy(number: int, **more: Any) -> Alert:
    customer = of(number).customer
    assert customer is not None
    deputy = Person(name="Deputy", email=f"csm{number + 1}@example.com")
    return alert(response=f"r{number}", customer=customer.model_copy(update={"deputy": deputy}), **more)


def texts(slack: FakeSlack, where: str) -> list[str]:
    return [str(message.blocks) for message in slack.messages(where)]


def replies(slack: FakeSlack) -> list[Message]:
    return [each for each in slack.messages() if each.thread_ts]


async def test_further_alerts_of_a_customer_go_below_the_first(guided: Bench) -> None:
    guided.start()
    first, second = of(1), of(1).model_copy(update={"alert_id": of(2).alert_id, "response_id": "r2"})
    await guided.record(first)
    await guided.settled(State.DONE)
    await guided.record(second)
    await guided.settled(State.DONE)
    root, reply = guided.slack.messages("U0001")
    assert (root.thread_ts, reply.thread_ts) == (None, root.ts)
    await guided.record(second.model_copy(update={"revision": 2, "status": Status.UPDATED, "feedback": "Better now."}))
    await until(lambda: "Better now." in texts(guided.slack, "U0001")[1], what="the reply is edited")
    await guided.settled(State.DONE)
    assert len(guided.slack.messages()) == 2


async def test_a_trend_of_the_same_event_goes_below_its_poor_rating(guided: Bench) -> None:
    customer = of(1).customer
    await guided.record(trend(response="r1", customer=customer, severity=Severity.CRITICAL), of(1))
    guided.start()
    await guided.settled(State.DONE)
    (reply,) = replies(guided.slack)
    (root,) = [each for each in guided.slack.messages("U0001") if not each.thread_ts]
    assert reply.thread_ts == root.ts
    assert "Average Rating Down" in str(reply.blocks)


async def test_an_answered_alert_is_left_alone(guided: Bench) -> None:
    guided.start()
    await guided.record(of(1))
    await guided.settled(State.DONE)
    await guided.act(of(1), ActionKind.ACKNOWLEDGED)
    await until(lambda: "Acknowledged by csm1@example.com" in str(texts(guided.slack, "U0001")), what="it says so")
    another = of(1).model_copy(
        update={
            "alert_id": of(2).alert_id,
            "response_id": "r2",
            "ticket": TICKET.model_copy(update={"ticket_id": "TKT-2"}),
        }
    )
    await guided.record(another)
    await guided.settled(State.DONE)
    assert replies(guided.slack) == []
    assert len(guided.slack.messages("U0001")) == 2


async def test_a_reply_whose_answer_was_lost_is_found_in_the_thread(guided: Bench) -> None:
    guided.start()
    await guided.record(of(1))
    await guided.settled(State.DONE)
    await guided.stop()
    second = of(1).model_copy(update={"alert_id": of(2).alert_id, "response_id": "r2"})
    await guided.record(second)
    await guided.let_pass(1.0)  # the pause after a message, for whoever comes next
    ledger = guided.ledger()
    (claimed,) = await ledger.claim(Sink.SLACK, 1)
    prepared = GUIDE.prepare(claimed)
    assert isinstance(prepared, Delivery)
    await guided.sink(ledger).send(prepared)
    guided.start()
    await guided.age()
    await guided.settled(State.DONE)
    (reply,) = replies(guided.slack)
    assert guided.slack.calls("conversations.replies")
    (row,) = await guided.pool.fetch("select thread, external_id from deliveries where thread is not null")
    assert (row["thread"], row["external_id"]) == (reply.thread_ts, reply.ts)


async def test_a_thread_whose_root_is_gone_is_no_loss(guided: Bench) -> None:
    guided.start()
    await guided.record(of(1))
    await guided.settled(State.DONE)
    await guided.pool.execute("update deliveries set external_id = '1.000001' where sink = 'slack'")
    await guided.record(of(1).model_copy(update={"alert_id": of(2).alert_id, "response_id": "r2"}))
    await guided.settled(State.DONE)
    assert replies(guided.slack) == []
    assert len(guided.slack.messages("U0001")) == 2


async def test_nobody_answers(guided: Bench) -> None:
    """The deputy is told, then the manager's channel, once each; an answer then shows on all of them."""
    unanswered = with_deputy(1)
    guided.start()
    await guided.record(unanswered)
    await guided.is_done(SLACK_STEP)
    rows = await guided.rows()
    assert {step: row["state"] for step, row in rows.items()} == {
        SLACK_STEP: State.DONE,
        f"{SLACK_STEP}#backup": State.DUE,
        f"{SLACK_STEP}#manager": State.DUE,
    }
    assert rows[f"{SLACK_STEP}#manager"]["due_at"] > rows[f"{SLACK_STEP}#backup"]["due_at"] > datetime.now(UTC)
    assert (await guided.ledger().waiting())[Sink.SLACK] == 0
    await guided.come_due("%#backup")
    await guided.is_done(f"{SLACK_STEP}#backup")
    assert "nobody has answered this alert of Csm 1 in time" in texts(guided.slack, "U0002")[0]
    await guided.come_due("%#manager")
    await guided.is_done(f"{SLACK_STEP}#manager")
    (manager,) = texts(guided.slack, "manager")
    assert "GlobalTech" in manager
    await guided.act(unanswered, ActionKind.FOLLOWED_UP)

    def all_say_so() -> bool:
        shown = [texts(guided.slack, where)[0] for where in ("U0001", "U0002", "manager")]
        return all("Marked as followed up" in each for each in shown)

    await until(all_say_so, what="all of them know")
    assert len(guided.slack.messages()) == 3


async def test_an_answer_calls_the_escalation_off(guided: Bench) -> None:
    answered = with_deputy(1)
    guided.start()
    await guided.record(answered)
    await guided.is_done(SLACK_STEP)
    await guided.act(answered, ActionKind.ACKNOWLEDGED)
    await guided.come_due("%#%")

    async def called_off() -> bool:
        rows = await guided.rows()
        return {row["state"] for step, row in rows.items() if "#" in step} == {State.CANCELLED}

    await until(called_off, what="the escalation is called off")
    assert len(guided.slack.messages()) == 1


async def test_a_retraction_calls_the_escalation_off_and_an_update_does_not(guided: Bench) -> None:
    guided.start()
    await guided.record(with_deputy(1))
    await guided.is_done(SLACK_STEP)
    await guided.record(with_deputy(1, revision=2, status=Status.UPDATED))
    await guided.is_done(SLACK_STEP)
    assert (await guided.rows())[f"{SLACK_STEP}#backup"]["state"] == State.DUE
    await guided.record(with_deputy(1, revision=3, status=Status.RETRACTED))
    await guided.is_done(SLACK_STEP)
    assert (await guided.rows())[f"{SLACK_STEP}#backup"]["state"] == State.CANCELLED


async def test_the_end_of_a_snooze_is_said_in_the_thread(guided: Bench) -> None:
    asleep = of(1, severity=Severity.HIGH)
    guided.start()
    await guided.record(asleep)
    await guided.is_done(SLACK_STEP)
    await guided.act(asleep, ActionKind.SNOOZED, until=datetime.now(UTC) + timedelta(hours=4))
    await until(lambda: "Snoozed by csm1@example.com until" in texts(guided.slack, "U0001")[0], what="it says so")

    async def reminder() -> str:
        return next((step for step in await guided.rows() if "#snooze" in step), "")

    step = await until(reminder, what="it is planned")
    await guided.pool.execute("update actions set snoozed_until = now()")
    await guided.come_due("%#snooze%")
    await guided.is_done(step)
    (reply,) = replies(guided.slack)
    assert "The snooze is over" in str(reply.blocks)


async def test_quiet_hours_hold_a_message_visibly_until_it_turns_critical(bench: Bench) -> None:
    now = datetime.now(UTC)
    begin, end = now - timedelta(hours=2), now + timedelta(hours=3)
    quiet = Daily(start=begin.time().replace(microsecond=0), end=end.time().replace(microsecond=0))
    policy = load_policy(None).model_copy(update={"notify": Notify(quiet_hours=quiet)})
    held = replace(bench, guide=Guide(policy, Channels()))
    held.start()
    await held.record(of(1, severity=Severity.HIGH), of(2, severity=Severity.CRITICAL))

    async def one_waits() -> Any:
        rows = await held.pool.fetch("select * from deliveries where sink = 'slack' and state = 'due' and held <> ''")
        return rows[0] if rows else None

    row = await until(one_waits, what="one is held")
    assert row["held"].startswith("quiet hours until")
    assert row["due_at"] == end.replace(microsecond=0)
    assert row["attempts"] == 0
    await until(lambda: held.slack.messages("U0002"), what="the critical one is not")
    assert held.slack.messages("U0001") == []
    assert any(each["held"] for each in await Deliveries(held.pool).steps(Wanted(states=[State.DUE]), most=99))
    await held.record(of(1, revision=2, status=Status.UPDATED, severity=Severity.CRITICAL))
    await held.settled(State.DONE)
    assert len(held.slack.messages("U0001")) == 1


async def test_without_a_csm_it_is_for_the_unowned_and_nobody_counts_as_told(guided: Bench) -> None:
    guided.start()
    await guided.record(alert(customer=CUSTOMER.model_copy(update={"csm": None})))
    await guided.is_done(SLACK_STEP)
    assert "the customer has no CSM" in texts(guided.slack, "unowned")[0]
    assert not await guided.pool.fetchval("select csm_notified from support_satisfaction")
    assert await guided.pool.fetchval("select lane from deliveries where sink = 'slack' limit 1") == "C0UNOWNED"


async def test_who_is_not_in_slack_is_named_in_the_fallback_channel(guided: Bench) -> None:
    known = replace(guided, fallback="C0FALLBACK")
    zoe = Person(name="Zoe", email="zoe@example.com")
    known.start()
    await known.record(alert(customer=CUSTOMER.model_copy(update={"csm": zoe})))
    await known.is_done(SLACK_STEP)
    assert "For Zoe (zoe@example.com), who is not in Slack." in texts(known.slack, "fallback")[0]
    assert not await known.pool.fetchval("select csm_notified from support_satisfaction")


async def test_the_operator_hears_what_was_given_up_and_when_it_went_through(guided: Bench) -> None:
    class Broken:
        mended = False

        async def send(self, delivery: Delivery) -> Receipt | None:
            if not self.mended:
                raise Permanent("jira: no such project")
            return Receipt("jira", "ABC-1")

    broken = Broken()
    guided.start()
    guided.start(broken, name=Sink.EMAIL)
    await guided.record(of(1))
    step = "support_satisfaction_response/draft_follow_up"
    await guided.is_done(f"{step}#operator")
    (told,) = texts(guided.slack, "operator")
    assert f"{step}: jira: no such project" in told
    assert "GlobalTech" not in told
    broken.mended = True
    assert len((await Deliveries(guided.pool).retry(Wanted())).steps) == 1
    await until(lambda: "no longer given up" in texts(guided.slack, "operator")[0], what="the operator hears")


async def test_a_backlog_goes_out_by_severity_once_slack_is_back(guided: Bench) -> None:
    guided.slack.stop()
    guided.start()
    severities = [Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL]
    for start in range(0, 40, 8):
        await guided.record(*(of(n, severity=severities[n % 4]) for n in range(start, start + 8)))

    async def held_back() -> bool:
        rows = await guided.pool.fetch("select held from deliveries where held like 'away:%'")
        return len(rows) > 0

    await until(held_back, what="Slack counts as away")
    guided.slack.start()
    await guided.settled_messages(40)
    sent = [str(each.metadata["event_payload"]["alert_id"]) for each in guided.slack.messages() if each.metadata]
    ranks = {str(of(n).alert_id): 3 - n % 4 for n in range(40)}
    order = [ranks[each] for each in sent]
    # Those that were tried while it was away, and those sent side by side, may be a few places off.
    late = sum(1 for place, rank in enumerate(order) if rank < max(order[:place], default=0))
    assert late <= 4, order
