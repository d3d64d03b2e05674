from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from schemas.alert import Alert, Context, Evidence, Kind, PolicyVersion, Severity, Status, Trend
from schemas.customer import Customer, Person
from schemas.event import Ticket
from tests.digests import everything
from web.cards import card, delivery
from web.preview import slack_message

_AT = datetime(2026, 1, 24, 9, 30, tzinfo=UTC)
_CUSTOMER = "5f0c1b0e-3a56-4a7b-8a5e-0d5c5d1f7a10"


def _alert(**more: object) -> Alert:
    return Alert.model_validate(
        {
            "alert_id": UUID(int=1),
            "customer_id": _CUSTOMER,
            "event_id": "e-1",
            "response_id": "r-1",
            "revision": 1,
            "status": Status.FIRING,
            "kind": Kind.POOR_RATING,
            "severity": Severity.HIGH,
            "occurred_at": _AT,
            "detected_at": _AT,
            "customer": Customer(
                customer_id=_CUSTOMER,
                name="GlobalTech",
                arr=175_000,
                currency="USD",
                csm=Person(name="Maria Santos", email="maria@example.com"),
            ),
            "ticket": Ticket(ticket_id="TKT-1"),
            "rating": 1,
            "context": Context(tickets_30d=1, low_ratings_30d=1),
            "reasons": ("because",),
            "policy": PolicyVersion(name="default", version="1"),
            **more,
        }
    )


def _row(alert: Alert, **more: object) -> Mapping[str, Any]:
    return {
        "alert_id": alert.alert_id,
        "customer_id": UUID(alert.customer_id),
        "customer_name": "GlobalTech",
        "kind": str(alert.kind),
        "severity": str(alert.severity),
        "status": str(alert.status),
        "silent": alert.silent,
        "occurred_at": alert.occurred_at,
        "record": alert.model_dump(mode="json", exclude_none=True),
        **more,
    }


def _step(**more: object) -> Mapping[str, Any]:
    nothing = dict.fromkeys(
        (
            "destination",
            "error",
            "settled_at",
            "task_title",
            "task_due_at",
            "task_owner",
            "task_status",
            "draft_subject",
            "draft_body",
        )
    )
    to = {"draft_to_name": None, "draft_to_email": None, "draft_status": None}
    return {"step": "flow/notify_csm", "sink": "slack", "state": "due", "attempts": 0, **nothing, **to, **more}


def test_a_poor_rating_says_who_what_and_what_follows() -> None:
    shown = card(_row(_alert()), [_step(state="done", settled_at=_AT)], slack_message)
    assert (shown.customer_name, shown.arr, shown.csm) == ("GlobalTech", "$175,000", "Maria Santos")
    assert (shown.kind, shown.severity, shown.headline, shown.note) == ("Poor rating", "high", "Rated 1 of 5", None)
    assert [(d.name, d.tone, d.at) for d in shown.deliveries] == [("Slack message", "done", _AT)]
    assert shown.preview is not None
    assert "Poor Rating Received: 1/5" in shown.preview


def test_a_falling_average_says_its_numbers() -> None:
    trend = Trend(recent_avg=3.0, recent_n=1, baseline_avg=4.5, baseline_n=14, drop=0.333, evidence=Evidence.WEAK)
    shown = card(_row(_alert(kind=Kind.DECLINING_TREND, trend=trend)), [], slack_message)
    assert shown.headline == "Average fell 33%, from 4.5 to 3.0 (1 recent rating against 14)"


def test_a_digest_says_how_many_of_what() -> None:
    week = everything()
    row = {
        "alert_id": week.alert_id,
        "customer_id": None,
        "customer_name": None,
        "kind": "weekly_digest",
        "severity": "low",
        "status": "firing",
        "silent": False,
        "occurred_at": week.occurred_at,
        "record": week.model_dump(mode="json", exclude_none=True),
    }
    shown = card(row, [], slack_message)
    assert (shown.customer_id, shown.alert, shown.digest, shown.csm) == (None, None, week, "Ana Diaz")
    assert (shown.kind, shown.note, shown.reasons) == ("Weekly digest", None, week.reasons)
    assert shown.headline.startswith("3 falling, 1 maybe falling, ")
    assert "Stark &lt;Industries&gt; &amp; Sons" in str(shown.preview)


def test_what_is_not_known_is_left_out() -> None:
    shown = card(_row(_alert(customer=None), customer_name=None), [], slack_message)
    assert (shown.customer_name, shown.arr, shown.csm) == (None, None, None)
    assert "None" not in str(shown.preview)


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"status": Status.RETRACTED}, "Retracted"),
        ({"status": Status.RESOLVED}, "Resolved"),
        ({"silent": True}, "Recorded"),
    ],
)
def test_an_alert_that_needs_nobody_says_so(more: dict[str, Any], word: str) -> None:
    note = card(_row(_alert(**more)), [], slack_message).note
    assert note is not None
    assert note.startswith(word)


def test_a_record_of_another_version_is_still_listed() -> None:
    shown = card(_row(_alert(), record={"schema": 9}, severity="apocalyptic", kind="new_kind"), [], slack_message)
    assert shown.alert is None
    assert shown.preview is None
    assert (shown.customer_name, shown.severity, shown.kind) == ("GlobalTech", "low", "new_kind")


@pytest.mark.parametrize(
    ("more", "tone", "words"),
    [
        ({}, "waiting", "waiting"),
        ({"attempts": 2, "error": "Retriable: 429"}, "waiting", "waiting, 2 failed tries: Retriable: 429"),
        ({"state": "claimed"}, "waiting", "on its way"),
        ({"state": "done", "destination": "D024BE91L"}, "done", "done"),
        ({"state": "done", "destination": "preview"}, "done", "shown here only, Slack is not set up"),
        ({"state": "failed", "error": "Permanent: gone"}, "failed", "failed: Permanent: gone"),
        ({"state": "cancelled"}, "cancelled", "cancelled"),
    ],
)
def test_the_state_of_a_step_is_said_with_its_reason(more: dict[str, Any], tone: str, words: str) -> None:
    shown = delivery(_step(**more))
    assert (shown.tone, shown.state) == (tone, words)


def test_a_step_shows_its_task_and_its_draft() -> None:
    due = _AT + timedelta(days=1)
    task = delivery(_step(sink="tasks", task_title="Follow up", task_due_at=due, task_status="open")).task
    assert task is not None
    assert (task.title, task.due_at) == ("Follow up", due)
    draft = delivery(
        _step(sink="email", draft_subject="Sorry", draft_body="Hello", draft_to_email="d@example.com")
    ).draft
    assert draft is not None
    assert (draft.to, draft.subject, draft.body) == ("d@example.com", "Sorry", "Hello")
    assert delivery(_step(sink="carrier_pigeon", step="flow/send_pigeon")).name == "Send pigeon"
