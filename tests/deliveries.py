"""What a sink is handed, to test with."""

from datetime import timedelta
from typing import Any

from schemas.alert import Alert
from schemas.delivery import Sink
from sinks.base import Delivery
from tests.alerts import AT, alert

SLACK_STEP = "support_satisfaction_response/notify_csm"
CONFIGS: dict[str, dict[str, Any]] = {
    Sink.SLACK: {"message_template": "support_satisfaction_drop", "include_ticket_context": True},
    Sink.TASKS: {"title": "Follow up: {{customer.name}}", "due_date_offset_hours": 24, "priority": "high"},
    Sink.EMAIL: {
        "agent": "communicator",
        "action": "draft_email",
        "params": {"template": "support_satisfaction_followup"},
    },
}


def delivery(of: Alert | None = None, **changes: Any) -> Delivery:
    """A claimed Slack step of `of`, changed."""
    fields: dict[str, Any] = {
        "alert": of or alert(),
        "claim": "claim",
        "step": SLACK_STEP,
        "sink": Sink.SLACK,
        "config": CONFIGS.get(changes.get("sink", Sink.SLACK), {}),
        "created_at": AT - timedelta(minutes=1),
        "published_at": AT,
    }
    return Delivery(**(fields | changes))
