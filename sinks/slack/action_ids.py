"""What a click in a message asks for.

A button's `action_id` is `{name}:{alert_id}` and its value the alert's id; an option of the overflow menu has the value
`{name}:{alert_id}`, the menu itself the action id `more:{alert_id}`.
"""

from collections.abc import Mapping
from uuid import UUID

SEND_EMAIL = "send_email"
VIEW_TICKET = "view_ticket"
COORDINATE = "coordinate"
MORE = "more"
ACKNOWLEDGE = "acknowledge"
SCHEDULE_CALL = "schedule_call"
SNOOZE = "snooze"
FOLLOWED_UP = "followed_up"
NOT_USEFUL = "not_useful"

BUTTONS = (SEND_EMAIL, VIEW_TICKET, COORDINATE)
MENU = (ACKNOWLEDGE, SCHEDULE_CALL, SNOOZE, FOLLOWED_UP, NOT_USEFUL)
"""The options of the overflow menu, which holds five at most: for how long to snooze is asked afterwards."""
SNOOZES: Mapping[str, str] = {"4h": "4 hours", "tomorrow": "Tomorrow morning", "next_week": "Next week"}
"""For how long an alert can be snoozed, and its words."""

_NAMES = frozenset({*BUTTONS, *MENU, MORE})


def action_id(name: str, alert_id: UUID | str) -> str:
    """The id of a button, or the value of an option."""
    return f"{name}:{alert_id}"


def asked(text: str) -> tuple[str, str] | None:
    """The name and the alert's id in an action id or an option's value; None where it is none of ours."""
    name, colon, alert_id = text.partition(":")
    if not colon or name not in _NAMES:
        return None
    try:
        return name, str(UUID(alert_id))
    except ValueError:
        return None
