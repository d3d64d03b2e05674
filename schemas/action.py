"""What people do with an alert, and what came of it: the records of `csm-actions`."""

from enum import StrEnum
from uuid import UUID

from schemas.event import Feedback
from schemas.record import CustomerId, Identifier, Record, Time


class ActionKind(StrEnum):
    """Requests come from people; results only from the delivery process."""

    ACKNOWLEDGED = "acknowledged"
    SNOOZED = "snoozed"
    FOLLOWED_UP = "followed_up"
    NOT_USEFUL = "not_useful"
    EMAIL_REQUESTED = "email_requested"
    CALL_REQUESTED = "call_requested"
    COORDINATE_REQUESTED = "coordinate_requested"
    EMAIL_SENT = "email_sent"
    EMAIL_FAILED = "email_failed"
    CALL_SCHEDULED = "call_scheduled"
    COORDINATED = "coordinated"


class Action(Record):
    """One thing done to one alert. `action_id` follows from the click or the form, so a double click is one action."""

    action_id: UUID
    alert_id: UUID
    customer_id: CustomerId
    kind: ActionKind
    by: Identifier
    at: Time
    note: Feedback | None = None
    request_id: UUID | None = None
    """The request that a result answers."""
