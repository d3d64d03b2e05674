from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from web.story import story

_AT = datetime(2026, 1, 24, 9, 30, tzinfo=UTC)
_ALERT = UUID(int=1)
_CUSTOMER = "5f0c1b0e-3a56-4a7b-8a5e-0d5c5d1f7a10"


def _minute(number: int) -> datetime:
    return _AT + timedelta(minutes=number)


def _step(**more: Any) -> dict[str, Any]:
    return {
        "alert_id": _ALERT,
        "step": "flow/notify_csm",
        "sink": "slack",
        "state": "done",
        "error": None,
        "attempts": 0,
        "destination": "D1",
        "settled_at": _minute(1),
        **more,
    }


def _action(kind: str, at: datetime, **more: Any) -> dict[str, Any]:
    record = {
        "action_id": str(UUID(int=at.minute)),
        "alert_id": str(_ALERT),
        "customer_id": _CUSTOMER,
        "kind": kind,
        "by": "ana@example.com",
        "at": at.isoformat(),
        **more,
    }
    return {"alert_id": _ALERT, "record": record}


def test_everything_that_happened_is_told_once_in_the_order_of_time() -> None:
    revisions = [
        {
            "alert_id": _ALERT,
            "revision": n,
            "status": status,
            "severity": "high",
            "rating": 1,
            "detected_at": _minute(at),
        }
        for n, status, at in ((1, "firing", 0), (3, "retracted", 9))
    ]
    steps = [
        _step(),
        _step(step="flow/create_task", sink="tasks"),  # the task tells it
        _step(step="flow/later", state="due", settled_at=None, held=None, not_before=None, unless=[]),
        _step(step="flow/tell_room", sink="tell_room", state="failed", error="HTTP 500", settled_at=_minute(8)),
    ]
    task = {
        "alert_id": _ALERT,
        "title": "Follow up",
        "owner_email": "ana@example.com",
        "due_at": _minute(50),
        "status": "done",
        "external_url": None,
        "created_at": _minute(2),
        "closed_at": _minute(7),
        "closed_by": "Ana",
    }
    draft = {
        "alert_id": _ALERT,
        "to_name": None,
        "to_email": "dana@example.com",
        "subject": "Sorry",
        "body": "Hello",
        "by": None,
        "created_at": _minute(3),
    }
    actions = [
        _action("acknowledged", _minute(4), by_name="Ana"),
        _action("email_sent", _minute(6), note="to Dana"),
        {"alert_id": _ALERT, "record": {"kind": "of a later version"}},
    ]
    told = [(entry.tone, entry.by, entry.title) for entry in story(revisions, steps, [task], [draft], actions)]
    assert told == [
        ("alert", None, "Alert: high, rated 1 of 5"),
        ("done", None, "Slack message done"),
        ("done", None, "Task for ana@example.com, due 24 Jan 2026, 10:20 UTC"),
        ("said", None, "Draft e-mail to dana@example.com"),
        ("said", "Ana", "acknowledged it"),
        ("done", None, "E-mail sent"),
        ("done", "Ana", "Task done"),
        ("failed", None, "Tell room failed: HTTP 500"),
        ("alert", None, "Alert retracted: the customer changed the rating, revision 3"),
    ]
