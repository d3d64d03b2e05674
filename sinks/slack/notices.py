"""What is said of an alert after its message: in its thread, and to the operator."""

from datetime import timedelta

from slack_sdk.models.blocks import MarkdownTextObject, SectionBlock

from schemas.notice import Main, Notice, main_step, notice_of
from sinks.base import Delivery
from sinks.slack.deeds import moment, person
from sinks.slack.escape import mrkdwn_line
from sinks.slack.message import Message
from sinks.slack.texts import texts
from sinks.slack.wording import hours

_HOUR = timedelta(hours=1)
_ERRORS = 1500  # characters


def reminder(delivery: Delivery) -> Message:
    """In the thread of the alert's message: that it is still open."""
    handled, words = delivery.life.handled, texts().words
    if not delivery.alert.status.open:
        return _said(words("reminder_over"))
    if handled:
        return _said(words("reminder_handled", at=moment(handled.at), by=person(handled.by)))
    if notice_of(delivery.step) is Notice.SNOOZE:
        return _said(words("reminder_snooze"))
    since = delivery.main.shown_at if delivery.main else None
    waited = (delivery.claimed_at - since) / _HOUR if since else 0.0
    return _said(words("reminder_open", hours=hours(max(waited, 0.0))))


def to_operator(delivery: Delivery) -> Message:
    """That a step was given up, or, once it went through, that it did. Nothing of the customer's is in it."""
    alert, step = delivery.alert, main_step(delivery.step)
    failed = delivery.main.failed if isinstance(delivery.main, Main) else ()
    about = {"step": mrkdwn_line(step, 200), "alert": str(alert.alert_id), "severity": alert.severity.value}
    if not failed:
        return _said(texts().words("went_through", **about))
    return _said(texts().words("gave_up", **about, why=mrkdwn_line("; ".join(failed), _ERRORS)))


def _said(text: str) -> Message:
    return Message((SectionBlock(text=MarkdownTextObject(text=text, verbatim=True)),), text)
