"""The Slack message of an alert or a digest, as its blocks."""

from collections.abc import Iterable

from schemas.alert import Alert
from schemas.digest import Digest
from sinks import slack
from web.blockkit import Block


def slack_message(alert: Alert | Digest) -> Iterable[Block]:
    """What the Slack sink would send."""
    return slack.message(alert).as_json()
