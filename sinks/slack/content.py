"""What `chat.postMessage` and `chat.update` are given for a step."""

from typing import Any

from schemas.notice import Notice, notice_of
from sinks.base import Delivery
from sinks.slack.compose import compose
from sinks.slack.notices import reminder, to_operator

EVENT_TYPE = "csatwatch_alert"
"""The type of the metadata that each message carries: alert_id, step and revision."""


def content(delivery: Delivery, *, changed: bool, audience: str | None) -> dict[str, Any]:
    """Text, blocks and metadata; the arguments as for `sinks.slack.layout.message`."""
    match notice_of(delivery.step):
        case Notice.OPERATOR:
            composed = to_operator(delivery)
        case Notice.REPEAT | Notice.SNOOZE:
            composed = reminder(delivery)
        case _:
            composed = compose(delivery, changed=changed, audience=audience)
    payload = {
        "alert_id": str(delivery.alert.alert_id),
        "step": delivery.step,
        "revision": delivery.alert.revision,
    }
    return {
        "text": composed.text,
        "blocks": composed.as_json(),
        "metadata": {"event_type": EVENT_TYPE, "event_payload": payload},
    }


def identity(found: dict[str, Any]) -> tuple[str, str] | None:
    """The alert's id and the step in a message's metadata; None where it is none of ours."""
    metadata = found.get("metadata") or {}
    if metadata.get("event_type") != EVENT_TYPE:
        return None
    payload = metadata.get("event_payload") or {}
    return str(payload.get("alert_id")), str(payload.get("step"))
