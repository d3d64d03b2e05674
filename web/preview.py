"""The Slack message of an alert, as its blocks."""

from collections.abc import Iterable

from schemas.alert import Alert
from sinks import slack
from web.blockkit import Block


def slack_message(alert: Alert) -> Iterable[Block]:
    """What the Slack sink would send for this alert."""
    return slack.message(alert).as_json()
