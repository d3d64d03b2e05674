"""What is said of an alert after its message: in its thread, and to the operator."""

from datetime import timedelta

from slack_sdk.models.blocks import MarkdownTextObject, SectionBlock

from schemas.notice import Main, Notice, main_step, notice_of
from sinks.base import Delivery
from sinks.slack.deeds import moment, person
from sinks.slack.escape import mrkdwn_line
from sinks.slack.message import Message
from sinks.slack.wording import hours

_HOUR = timedelta(hours=1)
_ERRORS = 1500  # characters


def reminder(delivery: Delivery) -> Message:
    """In the thread of the alert's message: that it is still open."""
    handled = delivery.life.handled
    if not delivery.alert.status.open:
        return _said("This alert is over.")
    if handled:
        return _said(f"In hand since {moment(handled.at)}: {person(handled.by)}.")
    if notice_of(delivery.step) is Notice.SNOOZE:
        return _said("The snooze is over, and this alert is still open.")
    since = delivery.main.shown_at if delivery.main else None
    waited = (delivery.claimed_at - since) / _HOUR if since else 0.0
    return _said(f"Nobody has answered this alert for {hours(max(waited, 0.0))}.")


def to_operator(delivery: Delivery) -> Message:
    """That a step was given up, or, once it went through, that it did. Nothing of the customer's is in it."""
    alert, step = delivery.alert, main_step(delivery.step)
    failed = delivery.main.failed if isinstance(delivery.main, Main) else ()
    what = f"Step {mrkdwn_line(step, 200)} of alert {alert.alert_id} ({alert.severity})"
    if not failed:
        return _said(f":white_check_mark: {what} is no longer given up.")
    why = mrkdwn_line("; ".join(failed), _ERRORS)
    return _said(
        f":rotating_light: {what} was given up: {why}\n"
        f"Mend the cause, then run `csatwatch deliveries retry {alert.alert_id} --step {mrkdwn_line(step, 200)}`."
    )


def _said(text: str) -> Message:
    return Message((SectionBlock(text=MarkdownTextObject(text=text, verbatim=True)),), text)
