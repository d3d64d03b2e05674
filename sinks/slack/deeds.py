"""An alert's life in the words of its message."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from schemas.action import ActionKind
from schemas.life import Deed, Life
from sinks.slack.escape import mrkdwn_line

_WORDS: Mapping[ActionKind, str] = {
    ActionKind.ACKNOWLEDGED: "Acknowledged",
    ActionKind.FOLLOWED_UP: "Marked as followed up",
    ActionKind.USEFUL: "Found useful",
    ActionKind.NOT_USEFUL: "Found not useful",
    ActionKind.EMAIL_SENT: "Follow-up e-mail sent",
    ActionKind.EMAIL_FAILED: "The follow-up e-mail could not be sent: asked for",
    ActionKind.EMAIL_UNKNOWN: "Whether the follow-up e-mail was sent is not known: asked for",
    ActionKind.CALL_SCHEDULED: "Call scheduled",
    ActionKind.CALL_FAILED: "The invitation to a call could not be sent: asked for",
    ActionKind.CALL_UNKNOWN: "Whether the invitation to a call was sent is not known: asked for",
    ActionKind.COORDINATED: "Passed on to Support",
    ActionKind.COORDINATION_FAILED: "Could not be passed on to Support: asked for",
}
_MOST = 12  # lines: the newest are shown
_BY, _NOTE = 100, 200  # characters
_USER = re.compile(r"[UW][A-Z0-9]{2,20}")


def lines(life: Life) -> tuple[str, ...]:
    """What people did, a line each, in mrkdwn: the oldest first, of many the newest."""
    return tuple(_lines(life))[-_MOST:]


def person(by: str) -> str:
    """Who did it, in mrkdwn: a Slack user id as the person's name there, anything else as written."""
    return f"<@{by}>" if _USER.fullmatch(by) else mrkdwn_line(by, _BY)


def moment(at: datetime) -> str:
    """A time, to the minute."""
    return f"{at:%Y-%m-%d at %H:%M} UTC"


def _lines(life: Life) -> Iterator[str]:
    for deed in life.deeds:
        if words := _WORDS.get(deed.kind):
            yield f"{words} by {person(deed.by)} on {moment(deed.at)}{_more(deed)}"
    if life.snoozed_until and not life.handled:
        by = f" by {person(life.snoozed_by)}" if life.snoozed_by else ""
        yield f"Snoozed{by} until {moment(life.snoozed_until)}."


def _more(deed: Deed) -> str:
    start = f", for {moment(deed.starts_at)}" if deed.starts_at else ""
    note = mrkdwn_line(deed.note, _NOTE) if deed.note else ""
    return f"{start}: {note}" if note else f"{start}."
