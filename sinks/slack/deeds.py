"""An alert's life in the words of its message."""

import re
from collections.abc import Iterator
from datetime import datetime

from schemas.life import Deed, Life
from sinks.slack.escape import link, mrkdwn_line
from sinks.slack.texts import texts

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
        said = texts().words(f"did_{deed.kind}", by=person(deed.by), at=moment(deed.at))
        yield f"{said}{_more(deed)}"
    if life.snoozed_until and life.snoozed_by and not life.handled:
        yield texts().words("snoozed", by=person(life.snoozed_by), until=moment(life.snoozed_until))


def _more(deed: Deed) -> str:
    start = texts().words("did_starts_at", at=moment(deed.starts_at)) if deed.starts_at else ""
    note = mrkdwn_line(deed.note, _NOTE) if deed.note else ""
    there = link(deed.link, texts().words("did_there")) if deed.link else ""
    said = ", ".join(each for each in (note, there) if each)
    return f"{start}: {said}" if said else f"{start}."
